import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CONFIG = join(ROOT, '.dependency-cruiser.cjs');
const FOLDERS = ['apps', 'libs', 'test', 'bench'];

/** An import that breaks a rule: the file that holds it, what it says, and the file that it leads to. */
interface Planted {
  readonly rule: string;
  readonly from: string;
  readonly specifier: string;
  readonly to: string;
}

const PLANTED: readonly Planted[] = [
  {
    rule: 'no-circular',
    from: 'apps/worker/src/egg.ts',
    specifier: './hen.js',
    to: 'apps/worker/src/hen.ts',
  },
  {
    rule: 'domain-imports-nothing',
    from: 'libs/domain/src/reads-a-file.ts',
    specifier: 'node:fs',
    to: 'fs',
  },
  {
    rule: 'domain-imports-nothing',
    from: 'libs/domain/src/reads-the-clock.ts',
    specifier: '#runtime',
    to: 'libs/runtime/src/index.ts',
  },
  {
    rule: 'libraries-know-only-domain-and-runtime',
    from: 'libs/queues/src/reads-rows.ts',
    specifier: '#database',
    to: 'libs/database/src/index.ts',
  },
  {
    rule: 'libraries-know-only-domain-and-runtime',
    from: 'libs/clouds/src/knows-the-worker.ts',
    specifier: '../../../apps/worker/src/main.js',
    to: 'apps/worker/src/main.ts',
  },
  {
    rule: 'runtime-knows-only-domain',
    from: 'libs/runtime/src/wakes-somebody.ts',
    specifier: '#queues',
    to: 'libs/queues/src/index.ts',
  },
  {
    rule: 'libraries-are-entered-by-their-index',
    from: 'apps/worker/src/enters-by-the-window.ts',
    specifier: '../../../libs/database/src/private-table.js',
    to: 'libs/database/src/private-table.ts',
  },
  {
    rule: 'api-never-calls-a-cloud',
    from: 'apps/api/src/calls-a-cloud.ts',
    specifier: '#clouds',
    to: 'libs/clouds/src/index.ts',
  },
  {
    rule: 'apps-do-not-import-each-other',
    from: 'apps/worker/src/borrows-from-the-api.ts',
    specifier: '../../api/src/main.js',
    to: 'apps/api/src/main.ts',
  },
  {
    rule: 'clouds-do-not-import-each-other',
    from: 'libs/clouds/src/aws/borrows-from-huawei.ts',
    specifier: '../huawei/status.js',
    to: 'libs/clouds/src/huawei/status.ts',
  },
  {
    rule: 'simulators-share-only-the-wire',
    from: 'apps/cloud-sim/src/peeks-at-the-adapter.ts',
    specifier: '#clouds',
    to: 'libs/clouds/src/index.ts',
  },
  {
    rule: 'only-database-knows-typeorm',
    from: 'apps/api/src/queries-by-itself.ts',
    specifier: 'typeorm',
    to: 'node_modules/typeorm/index.js',
  },
  {
    rule: 'only-queues-and-the-worker-know-bullmq',
    from: 'apps/api/src/adds-jobs-by-itself.ts',
    specifier: 'bullmq',
    to: 'node_modules/bullmq/index.js',
  },
];

/** The rest of the planted tree: what the violations lead to, and imports of every kind that is allowed. */
const LAWFUL: Readonly<Record<string, string>> = {
  'libs/domain/src/index.ts': '',
  'libs/runtime/src/index.ts': "import '#domain';",
  'libs/database/src/index.ts': "import '#domain';\nimport '#runtime';\nimport './private-table.js';",
  'libs/database/src/private-table.ts': "import 'typeorm';",
  'libs/queues/src/index.ts': "import 'bullmq';",
  'libs/clouds/src/index.ts': "import './huawei/status.js';",
  'libs/clouds/src/huawei/status.ts': "import '#domain';",
  'apps/api/src/main.ts': "import '#database';\nimport '#queues';",
  'apps/worker/src/main.ts': "import '#clouds';\nimport 'bullmq';",
  'apps/worker/src/hen.ts': "import './egg.js';",
  'apps/cloud-sim/src/main.ts': '',
  'apps/standalone/src/main.ts': "import '../../api/src/main.js';\nimport '../../cloud-sim/src/main.js';",
  'test/integration/everything.ts': "import '../../apps/api/src/main.js';\nimport '#database';",
  'bench/main.ts': "import '#domain';",
  'node_modules/typeorm/index.js': '',
  'node_modules/bullmq/index.js': '',
};

interface Violation {
  readonly from: string;
  readonly to: string;
  readonly rule: { readonly name: string };
}

/** What `npm run boundaries` finds in a tree. */
async function violationsIn(tree: string): Promise<Violation[]> {
  const cruiser = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const args = [cruiser, ...FOLDERS, '--config', CONFIG, '--output-type', 'json'];
  const run = promisify(execFile)(process.execPath, args, { cwd: tree, maxBuffer: 256 << 20 });
  // With violations the exit code is their number, which is no failure to run.
  const { stdout } = await run.catch((error: unknown) => error as { stdout: string });
  const report = JSON.parse(stdout) as { summary: { violations: Violation[] } };
  return report.summary.violations;
}

const lines = (violations: readonly Violation[]): string[] =>
  violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`).sort();

describe('the boundaries of docs/architecture.md', () => {
  let tree = '';
  let found: string[] = [];

  beforeAll(async () => {
    tree = await mkdtemp(join(tmpdir(), 'boundaries-'));
    const planted = PLANTED.map(({ from, specifier }) => [from, `import '${specifier}';`] as const);
    for (const [file, text] of [...Object.entries(LAWFUL), ...planted]) {
      await mkdir(dirname(join(tree, file)), { recursive: true });
      await writeFile(join(tree, file), `${text}\n`);
    }
    for (const file of ['package.json', 'tsconfig.json']) await cp(join(ROOT, file), join(tree, file));
    found = lines(await violationsIn(tree));
  });

  afterAll(async () => {
    await rm(tree, { recursive: true, force: true });
  });

  it('are kept by the whole tree', async () => {
    expect(lines(await violationsIn(ROOT))).toEqual([]);
  });

  it.each(PLANTED)('$rule: refuses $from importing $specifier', ({ rule, from, to }) => {
    expect(found).toContain(`${rule}: ${from} -> ${to}`);
  });

  it('are tried by a planted violation each', () => {
    const config = createRequire(import.meta.url)(CONFIG) as { forbidden: { name: string }[] };
    const tried = new Set(PLANTED.map(({ rule }) => rule));
    expect(config.forbidden.map(({ name }) => name).filter((name) => !tried.has(name))).toEqual([]);
  });

  it('refuse nothing but what was planted', () => {
    const expected = new Set(PLANTED.map(({ rule, from, to }) => `${rule}: ${from} -> ${to}`));
    expect(found.filter((line) => !expected.has(line))).toEqual([]);
  });
});
