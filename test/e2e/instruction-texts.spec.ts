import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { placeholdersIn, profileOf, SERVED_CLOUDS, type CloudId, type NextAction } from '#domain';
import { requestOf, sampleNetwork, sampleSpec } from '../support/cloud-samples.js';
import { runProgram, type ProgramResult } from '../support/external-program.js';

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

/** Takes the place of what shows the tool's answer in other words: lets through what the tool printed. */
const SHOW = String.raw`() { while IFS= read -r line; do printf '%s\n' "$line"; done; }`;

/** What a shell does with a text that is pasted into it, with the cloud's tool replaced. */
function paste(cloud: CloudId, text: string, cwd: string): Promise<ProgramResult> {
  const script = `set -eu -o pipefail\n${TOOLS[cloud]} ${STAND_IN}\njq ${SHOW}\n${text}`;
  return runProgram('/bin/bash', ['-c', script], { cwd, environment: { PATH: '' } });
}

/** The arguments of each call that a shell makes of a text, run to its end. */
async function callsOf(cloud: CloudId, text: string): Promise<string[][]> {
  const { exitCode, stdout, stderr } = await paste(cloud, text, tmpdir());
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
      for (const call of calls) {
        expect(call[0]).toMatch(/^\w+$/);
        const structured = call.filter(
          (argument, at) => /^[[{]/.test(argument) && !/^--(?:filter|cli-query)$/.test(call[at - 1]!),
        );
        for (const argument of structured) expect(() => void JSON.parse(argument)).not.toThrow();
        expect(call.filter((argument) => argument.trim() === '')).toEqual([]);
      }
    },
  );

  describe('with a placeholder left in them', () => {
    let folder: string;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'instruction-texts-'));
    });
    afterAll(() => rm(folder, { recursive: true }));

    const nothingKnown = { ...context, spec: { kind: cloud } } as const;
    const left = [...actions, instructions.createRequest(nothingKnown)].flatMap(({ code, artifacts }) =>
      placeholdersIn(artifacts.cli!).map((left): [string, string, string] => [left, code, artifacts.cli!]),
    );

    it.each(left)('%s: call nothing: %s', async (placeholder, _, text) => {
      const filled = placeholdersIn(text)
        .filter((each) => each !== placeholder)
        .reduce((rest, each) => rest.replaceAll(each, '8883'), text);
      const { exitCode, stdout, stderr } = await paste(cloud, filled, folder);
      expect({ text, done: exitCode === 0, stdout }).toEqual({ text, done: false, stdout: '' });
      expect(stderr).toContain(placeholder.slice(1, -1));
      expect(await readdir(folder)).toEqual([]);
    });
  });
});
