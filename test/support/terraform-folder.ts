import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram, type ProgramResult } from './external-program.js';
import { externalTool, terraformPluginDir } from './external-tools.js';

/** Commands that write in colour, even into a pipe. */
const COLOURED = ['init', 'plan', 'apply', 'destroy'] as const;

/** A folder of its own that Terraform works in, with providers from the local mirror only. */
export class TerraformFolder {
  private constructor(
    private readonly path: string,
    private readonly environment: Readonly<Record<string, string>>,
  ) {}

  /** @param environment variables for Terraform and its providers */
  static async make(environment: Readonly<Record<string, string>>): Promise<TerraformFolder> {
    const path = await mkdtemp(join(tmpdir(), 'terraform-'));
    const mirror = JSON.stringify(terraformPluginDir());
    const configuration = `provider_installation {\n  filesystem_mirror {\n    path = ${mirror}\n  }\n}\n`;
    await writeFile(join(path, 'cli.tfrc'), configuration);
    return new TerraformFolder(path, {
      TF_CLI_CONFIG_FILE: join(path, 'cli.tfrc'),
      TF_IN_AUTOMATION: '1',
      TF_INPUT: '0',
      ...Object.fromEntries(COLOURED.map((command) => [`TF_CLI_ARGS_${command}`, '-no-color'])),
      CHECKPOINT_DISABLE: '1',
      ...environment,
    });
  }

  /** Puts a file of configuration beside those that are there. */
  async write(name: string, configuration: string): Promise<void> {
    await writeFile(join(this.path, name), configuration);
  }

  /** @throws Error naming what is missing, when Terraform cannot run here */
  run(command: string, ...args: string[]): Promise<ProgramResult> {
    const setting = { cwd: this.path, environment: this.environment };
    return runProgram(externalTool('terraform'), [command, ...args], setting);
  }

  /** Runs a command that must succeed, and returns what it printed. @throws Error with what it complained about */
  async succeed(command: string, ...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(command, ...args);
    if (exitCode !== 0 || stderr !== '') {
      throw new Error(`terraform ${command} ended with ${String(exitCode)}:\n${stdout}\n${stderr}`);
    }
    return stdout;
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true });
  }
}
