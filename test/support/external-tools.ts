import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { env } from 'node:process';

/** A program that some specs drive and that npm cannot install. */
export type ExternalToolName = 'aws' | 'terraform';

/** A tool that is absent, and what to do about it. */
export interface MissingTool {
  readonly tool: ExternalToolName;
  readonly reason: string;
}

interface ToolNeeds {
  /** Specs that cannot run without it, from the root of the project. */
  readonly specs: readonly string[];
  /** Why what is installed does not suffice; undefined when it does. */
  readonly lacks: () => string | undefined;
}

const TOOLS: Readonly<Record<ExternalToolName, ToolNeeds>> = {
  aws: { specs: ['test/e2e/aws-cli.spec.ts', 'test/e2e/aws-instructions.spec.ts'], lacks: () => undefined },
  terraform: {
    specs: ['test/e2e/terraform.spec.ts', 'test/e2e/terraform-instructions.spec.ts'],
    lacks: lacksProvider,
  },
};

/** Path of the tool's executable. Throws, naming what is missing, when its specs cannot run. */
export function externalTool(name: ExternalToolName): string {
  const reason = reasonAbsent(name);
  const path = findExecutable(name);
  if (reason !== undefined || path === undefined) throw new Error(`${name}: ${reason ?? 'not found'}`);
  return path;
}

/** The folder from which Terraform installs its providers, laid out as a filesystem mirror. */
export function terraformPluginDir(): string {
  return env['TERRAFORM_PLUGIN_DIR'] ?? '';
}

/** The tools whose specs cannot run here. */
export function missingTools(): MissingTool[] {
  return names().flatMap((tool) => {
    const reason = reasonAbsent(tool);
    return reason === undefined ? [] : [{ tool, reason }];
  });
}

/**
 * Specs to leave out, as patterns for Jest's `testPathIgnorePatterns`. None with REQUIRE_EXTERNAL_TOOLS=1: then they
 * run, and fail with what is missing.
 */
export function specsWithoutTool(): string[] {
  if (env['REQUIRE_EXTERNAL_TOOLS'] === '1') return [];
  return missingTools().flatMap(({ tool }) =>
    TOOLS[tool].specs.map((spec) => `/${spec.replaceAll('.', '\\.')}$`),
  );
}

function names(): ExternalToolName[] {
  return Object.keys(TOOLS) as ExternalToolName[];
}

function reasonAbsent(name: ExternalToolName): string | undefined {
  if (findExecutable(name) === undefined) return 'not on PATH';
  return TOOLS[name].lacks();
}

function findExecutable(name: string): string | undefined {
  const candidates = (env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name));
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function lacksProvider(): string | undefined {
  const folder = terraformPluginDir();
  const provider = join('registry.terraform.io', 'hashicorp', 'aws');
  if (folder === '') return `TERRAFORM_PLUGIN_DIR is not set: name a folder that holds ${provider}`;
  return existsSync(join(folder, provider))
    ? undefined
    : `TERRAFORM_PLUGIN_DIR (${folder}) holds no ${provider}`;
}
