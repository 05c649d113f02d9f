/** The approval window as time passes outside, with nobody moving a clock: a short one, and the broker as it is. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';

import type { PeeringView } from '../../apps/api/src/peerings/peering.view.js';
import type { TencentHarness } from '../contract/tencent.harness.js';
import { CloudStage } from '../support/cloud-stage.js';
import { tencent } from '../support/cloud-stage-table.js';

const WINDOW_MS = 3_000;
/** Within seconds is the promise; the machine may be busy with other tests. */
const PROMPT_MS = 10_000;

let stage: CloudStage<TencentHarness>;

beforeAll(async () => {
  const env = { APPROVAL_WINDOW_SECONDS: String(WINDOW_MS / 1_000), SWEEP_INTERVAL_MS: '1000' };
  stage = await CloudStage.open(tencent, { env, timePasses: true });
});
afterAll(() => stage.close());

it('a window of three seconds closes after three seconds', async () => {
  const { id, deployment } = await stage.begin();
  // As customers wait: one request, which is answered when the connection has come there.
  const path = `peerings/${id}?wait=failed,running&timeout=20s`;
  const { status } = (await stage.ask<PeeringView>('GET', path)).body;
  expect(status.state).toBe('failed');
  expect(status.reason).toMatchObject({ code: 'approval_window_elapsed' });
  expect(status.reason.message).toContain('3 seconds');
  expect(await stage.harness.statesOf(deployment.network.vpcId)).toEqual([]);
  const [takenAt, withdrawnAt] = ['AttachCcnInstances', 'DetachCcnInstances'].map((operation) => {
    const calls = stage.calls(operation);
    expect(calls).toHaveLength(1);
    return Date.parse(calls[0]!.at);
  });
  const waited = withdrawnAt! - takenAt!;
  expect(waited).toBeGreaterThanOrEqual(WINDOW_MS);
  expect(waited).toBeLessThanOrEqual(WINDOW_MS + PROMPT_MS);
});
