import { describe, expect, test } from '@jest/globals';

import type { PeeringRecord } from '#database';
import { profileOf, SERVED_CLOUDS, startAttempt, type CloudId, type PeeringStatus } from '#domain';

import { requestOf, sampleNetwork, sampleSpec } from '../../../../test/support/cloud-samples.js';
import { deletionPreview } from './deletion-preview.js';

/** A connection that runs, or does not yet. */
function record(cloud: CloudId, changes: Partial<PeeringStatus>): PeeringRecord {
  const network = sampleNetwork(cloud);
  const spec = { cloud: sampleSpec(cloud), cidrs: ['172.16.0.0/16'] };
  const { providerId } = requestOf(spec.cloud, network);
  return {
    id: 'peer_1',
    tenantId: 'ten_1',
    projectId: 'prj_1',
    deploymentId: network.deploymentId,
    cloud,
    region: network.region,
    displayName: 'prod',
    desired: 'present',
    spec,
    locked: false,
    lockedNote: null,
    status: { ...startAttempt(profileOf(cloud), spec, 0), providerId, ...changes },
    dueAt: 0,
    lastObservedAt: null,
    version: 1,
    createdAt: 0,
    updatedAt: 0,
    deletedAt: null,
    network,
  };
}

describe.each(SERVED_CLOUDS)('what deleting a connection on %s leaves to its customer', (cloud) => {
  const { routing } = profileOf(cloud).capabilities;
  const network = sampleNetwork(cloud);

  test.each(['en', 'zh'] as const)('are the rules, and the routes that they have added: %s', (locale) => {
    const connection = record(cloud, { state: 'running', established: true });
    const { leftToYou } = deletionPreview(connection, [], locale);
    const routes = leftToYou.filter((each) => each.includes(connection.status.providerId!));
    expect(routes).toHaveLength(routing === 'platform' ? 1 : 0);
    expect(leftToYou).toHaveLength(routes.length + 1);
    for (const each of leftToYou) for (const cidr of network.cidrs) expect(each).toContain(cidr);
  });

  test('is nothing before there was a connection', () => {
    expect(deletionPreview(record(cloud, { established: false }), [], 'en').leftToYou).toEqual([]);
  });
});
