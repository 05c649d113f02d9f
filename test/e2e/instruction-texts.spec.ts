import { tmpdir } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import { placeholdersIn, profileOf, SERVED_CLOUDS, type CloudId, type NextAction } from '#domain';
import { requestOf, sampleNetwork, sampleSpec } from '../support/cloud-samples.js';
import { runProgram } from '../support/external-program.js';

/** What each cloud's command line tool is called. */
const TOOLS: Readonly<Record<CloudId, string>> = {
  aws: 'aws',
  alibaba: 'aliyun',
  huawei: 'hcloud',
  tencent: 'tccli',
  outscale: 'osc-cli',
};

/** Takes the tool's place: prints what it was called with, an argument a line, and an empty line after each call. */
const STAND_IN = String.raw`() { printf '%s\n' "$@" ''; }`;

/** The arguments of each call that a shell makes of a text, run to its end with the cloud's tool replaced. */
async function callsOf(cloud: CloudId, text: string): Promise<string[][]> {
  const script = `set -eu\n${TOOLS[cloud]} ${STAND_IN}\n${text}`;
  const setting = { cwd: tmpdir(), environment: { PATH: '' } };
  const { exitCode, stdout, stderr } = await runProgram('/bin/bash', ['-c', script], setting);
  expect({ text, exitCode, stderr }).toEqual({ text, exitCode: 0, stderr: '' });
  return stdout
    .trimEnd()
    .split('\n\n')
    .map((call) => call.split('\n'));
}

describe.each(SERVED_CLOUDS)('the command line texts for %s', (cloud) => {
  const { instructions } = profileOf(cloud);
  const network = sampleNetwork(cloud);
  const spec = sampleSpec(cloud);
  const { providerId } = requestOf(spec, network);
  const context = { network, spec, providerId, customerCidrs: [], locale: 'zh' } as const;
  const actions = Object.values(instructions)
    .map((instruct: (typeof instructions)['approve']) => instruct(context))
    .filter((action): action is NextAction => action !== null);

  it.each(actions.map((action): [string, NextAction] => [action.code, action]))(
    'are whole commands of its tool, quoted for a shell: %s',
    async (_, { artifacts }) => {
      const text = artifacts.cli!;
      const filled = placeholdersIn(text).reduce((left, each) => left.replaceAll(each, '8883'), text);
      const calls = await callsOf(cloud, filled);
      const lines = filled.replaceAll('\\\n', '').split('\n');
      expect(calls).toHaveLength(lines.length);
      const [command] = calls[0]!;
      for (const call of calls) {
        expect(call[0]).toBe(command);
        const structured = call.filter((argument) => /^[[{]/.test(argument));
        for (const argument of structured) expect(() => void JSON.parse(argument)).not.toThrow();
        expect(call.filter((argument) => argument.trim() === '')).toEqual([]);
      }
    },
  );
});
