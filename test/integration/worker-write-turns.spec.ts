/** Changes that a cloud wants one after the other, made by several workers. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import type { LoggedCall } from '../../apps/cloud-sim/src/call-log.js';
import type { AlibabaHarness } from '../contract/alibaba.harness.js';
import { CloudStage, type StagedConnection, type StagedDeployment } from '../support/cloud-stage.js';
import { alibaba } from '../support/cloud-stage-table.js';

const NETWORKS = 5;
/** How long the cloud takes for each change, in milliseconds. */
const SLOW_MS = 60;
/** Operations of the platform's account by which a connection comes and goes. */
const CHANGES = [
  'AcceptVpcPeerConnection',
  'CreateRouteEntry',
  'DeleteRouteEntry',
  'DeleteVpcPeerConnection',
  'TagResources',
  'ModifyVpcPeerConnection',
];

describe('an account of Alibaba Cloud that two workers write to', () => {
  let stage: CloudStage<AlibabaHarness>;
  let deployments: StagedDeployment[];

  beforeAll(async () => {
    stage = await CloudStage.open(alibaba, { timePasses: true, env: { LEASE_SECONDS: '3' } });
    await stage.startWorker();
    deployments = [];
    for (let network = 0; network < NETWORKS; network += 1) {
      deployments.push(await stage.deploy(`10.${128 + network}.0.0/16`));
    }
  });
  afterEach(() => stage.clear());
  afterAll(() => stage.close());

  const changes = (): LoggedCall[] => stage.calls().filter(({ operation }) => CHANGES.includes(operation));

  /** Changes that came before another one was over. */
  const concurrent = (): string[] => {
    const inOrder = changes().sort((a, b) => (a.arrivedAt < b.arrivedAt ? -1 : 1));
    return inOrder
      .filter((call, index) => inOrder.slice(0, index).some((earlier) => earlier.at > call.arrivedAt))
      .map(({ operation, arrivedAt }) => `${operation} at ${arrivedAt}`);
  };

  it('sees one change at a time, from the first acceptance to the last removal', async () => {
    for (const operation of CHANGES) stage.fault({ kind: 'latency', operation, ms: SLOW_MS });
    const connections: StagedConnection[] = [];
    for (const deployment of deployments) connections.push(await stage.begin('172.16.0.0/16', deployment));
    await Promise.all(connections.map(({ id }) => stage.until(id, 'running')));
    expect(stage.effects('AcceptVpcPeerConnection')).toBe(NETWORKS);
    expect(concurrent()).toEqual([]);
    await Promise.all(connections.map(({ id }) => stage.delete(id)));
    await Promise.all(connections.map(({ id }) => stage.until(id, 'deleted')));
    expect(stage.effects('DeleteVpcPeerConnection')).toBe(NETWORKS);
    expect(stage.effects('DeleteRouteEntry')).toBe(NETWORKS);
    expect(concurrent()).toEqual([]);
  });

  it('is not written to while a worker that was killed may still be at it, and what was left counts as no attempt', async () => {
    const [deployment] = deployments;
    const takenUntil = await stage.leaveTurnTaken(3_500);
    const { id } = await stage.begin('172.20.0.0/16', deployment);
    await stage.until(id, 'running');
    const [accepted] = stage.calls('AcceptVpcPeerConnection');
    expect(Date.parse(accepted!.arrivedAt)).toBeGreaterThanOrEqual(takenUntil);
    const events = await stage.ask<{
      readonly items: readonly { type: string; data: { attempts?: number } }[];
    }>('GET', `peerings/${id}/events?limit=200`);
    const attempts = events.body.items.flatMap(({ type, data }) =>
      type === 'peering.cloud_call' ? [data.attempts] : [],
    );
    expect(new Set(attempts)).toEqual(new Set([1]));
    await stage.delete(id);
    await stage.until(id, 'deleted');
  });
});
