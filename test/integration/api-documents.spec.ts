/** The API's documents: complete, true, up to date, and readable without anything from elsewhere. */
import { readFile } from 'node:fs/promises';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';

import { PROBLEMS } from '#domain';

import { generateDocuments } from '../../apps/api/src/openapi/documents.js';
import { ApiStage } from '../support/api-stage.js';
import { DocumentedAnswers } from '../support/documented-answers.js';

interface Schema {
  readonly $ref?: string;
  readonly description?: string;
  readonly example?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly [key: string]: unknown;
}

interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly security?: readonly object[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly description?: string;
  }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: object }>>;
}

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly examples: Readonly<Record<string, { readonly value: { readonly code: string } }>>;
    readonly securitySchemes: object;
  };
}

const FILES = ['openapi.json', 'admin-openapi.json'] as const;
let documents: Readonly<Record<string, Document>>;
let stage: ApiStage;

beforeAll(async () => {
  documents = (await generateDocuments()) as unknown as Record<string, Document>;
  stage = await ApiStage.open();
});

afterAll(async () => {
  await stage.close();
});

function operationsOf(document: Document): { readonly name: string; readonly operation: Operation }[] {
  return Object.entries(document.paths).flatMap(([url, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${url}`,
      operation,
    })),
  );
}

function* refsIn(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key === '$ref' && typeof inner === 'string') yield inner;
    else yield* refsIn(inner);
  }
}

describe.each(FILES)('docs/%s', (file) => {
  test('is what the API says of itself: npm run openapi writes it', async () => {
    const written: unknown = JSON.parse(
      await readFile(new URL(`../../docs/${file}`, import.meta.url), 'utf8'),
    );
    expect(written).toEqual(JSON.parse(JSON.stringify(documents[file])));
  });

  test('is served as it is', async () => {
    const path = file === 'openapi.json' ? '/openapi.json' : '/admin/openapi.json';
    const { status, body } = await stage.get<Document>(path);
    expect(status).toBe(200);
    expect(body).toEqual(JSON.parse(JSON.stringify(documents[file])));
  });

  test('describes every operation: name, summary, keys, parameters, problems', () => {
    const document = documents[file]!;
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.components.securitySchemes)).toEqual(['basic', 'bearer']);
    const operations = operationsOf(document);
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const lacking = operations.flatMap(({ name, operation }) => {
      const { summary, tags, security, responses, parameters = [] } = operation;
      const statuses = Object.keys(responses);
      return [
        ...(summary && tags?.length === 1 ? [] : [`${name}: summary, tag`]),
        ...(security?.length === 2 ? [] : [`${name}: security`]),
        ...(statuses.some((status) => status.startsWith('2')) ? [] : [`${name}: success`]),
        ...['401', '403', '500', '503']
          .filter((status) => !statuses.includes(status))
          .map((status) => `${name}: ${status}`),
        ...(name.startsWith('POST') && !parameters.some((each) => each.name === 'Idempotency-Key')
          ? [`${name}: key`]
          : []),
        ...parameters.filter((each) => !each.description).map((each) => `${name}: ${each.name}`),
        ...[...name.matchAll(/\{(\w+)\}/g)]
          .filter(
            ([, parameter]) => !parameters.some((each) => each.in === 'path' && each.name === parameter),
          )
          .map(([, parameter = '']) => `${name}: ${parameter}`),
      ];
    });
    expect(lacking).toEqual([]);
  });

  test('refers to nothing that is not in it', () => {
    const document = documents[file]!;
    const { schemas, examples } = document.components;
    const dangling = [...refsIn(document)].filter((ref) => {
      const [, , kind, name = ''] = ref.split('/');
      return !(kind === 'schemas' ? name in schemas : kind === 'examples' && name in examples);
    });
    expect(dangling).toEqual([]);
  });

  test('describes every field, with an example that fits', () => {
    const { schemas } = documents[file]!.components;
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    const wrong = Object.entries(schemas).flatMap(([schemaName, schema]) =>
      Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
        const place = `${schemaName}.${name}`;
        if (!property.description) return [`${place}: description`];
        if (!('example' in property)) {
          return [...refsIn(property)].length > 0 ? [] : [`${place}: example`];
        }
        const fits = ajv.compile({ ...property, components: { schemas } })(property.example);
        return fits ? [] : [`${place}: its example does not fit`];
      }),
    );
    expect(wrong).toEqual([]);
  });

  test('has an example of every problem', () => {
    const { examples } = documents[file]!.components;
    expect(Object.keys(examples).sort()).toEqual(Object.keys(PROBLEMS).sort());
    for (const [code, { value }] of Object.entries(examples)) {
      expect(value.code).toBe(code);
      expect(JSON.stringify(value)).not.toMatch(/\{\w+\}/);
    }
  });
});

describe.each(['/docs', '/admin/docs'])('the page %s', (path) => {
  test('reads without anything from elsewhere', async () => {
    const page = await stage.get<string>(path);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toContain('text/html');
    const links = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link = '']) => link);
    expect(links.length).toBeGreaterThan(3);
    const base = stage.api.url + path;
    for (const link of links) {
      const url = new URL(link, base);
      expect(url.origin).toBe(stage.api.url);
      expect((await stage.get(url.pathname)).status).toBe(200);
    }
    const policy = page.headers.get('content-security-policy')!;
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toContain('upgrade-insecure-requests');
    expect(page.body).not.toMatch(/<script>[^<]/);
  });
});

describe('the check of answers', () => {
  const problem = () => ({ ...documents['openapi.json']!.components.examples['not_found']!.value });

  test.each<[string, (answers: DocumentedAnswers) => void, string | null]>([
    [
      'lets a documented problem pass',
      (answers) => answers.check('GET', '/v1/peerings/x', 404, 'application/problem+json', problem()),
      null,
    ],
    [
      'refuses a field more',
      (answers) =>
        answers.check('GET', '/v1/peerings/x', 404, 'application/problem+json', { ...problem(), stack: '' }),
      'not as documented',
    ],
    [
      'refuses a field less',
      (answers) =>
        answers.check('GET', '/v1/peerings/x', 404, 'application/problem+json', { code: 'not_found' }),
      'not as documented',
    ],
    [
      'refuses another status',
      (answers) => answers.check('GET', '/v1/peerings/x', 418, 'application/problem+json', problem()),
      'not documented',
    ],
    [
      'refuses another type',
      (answers) => answers.check('GET', '/v1/peerings/x', 404, 'text/html', problem()),
      'not documented',
    ],
  ])('%s', async (_, check, refusal) => {
    const answers = await DocumentedAnswers.load();
    const run = (): void => check(answers);
    if (refusal === null) expect(run).not.toThrow();
    else expect(run).toThrow(refusal);
  });
});
