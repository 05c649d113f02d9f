import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { profileOf, type PeeringState, type ReasonCode } from '#domain';

import type { PeeringView } from '../../apps/api/src/peerings/peering.view.js';
import {
  CloudStage,
  CUSTOMER_CIDR,
  type StagedConnection,
  type StagedDeployment,
} from '../support/cloud-stage.js';
import { STAGED_CLOUDS } from '../support/cloud-stage-table.js';

const MINUTE_MS = 60_000;
const WEEK_MS = 7 * 86_400_000;
const RESERVED_CIDR = '10.20.0.0/16';

describe.each(STAGED_CLOUDS)('on $cloud', (subject) => {
  const { operations, unknown, unknownErrorCode } = subject.contract;
  const { capabilities, cidrsRequired } = profileOf(subject.cloud);
  const { cidrObservable, cidrVisibleWhilePending, initiator, maxLivePerNetwork } = capabilities;
  const joining = operations.accept ?? operations.request!;
  let stage: CloudStage;

  beforeAll(async () => {
    stage = await CloudStage.open(subject);
  });
  afterEach(() => stage.clear());
  afterAll(() => stage.close());

  /** It comes to this end, says why, and tells the customer what to do next; nothing leads anywhere. */
  async function expectEnd(
    { id, deployment }: Pick<StagedConnection, 'id' | 'deployment'>,
    state: PeeringState,
    code: ReasonCode,
    ...told: readonly (string | undefined)[]
  ): Promise<PeeringView> {
    // A request may be late: that there is none is said after ten minutes.
    if (code === 'request_not_found') stage.advance(10 * MINUTE_MS);
    const ended = await stage.until(id, state);
    const { status } = ended;
    expect(status).toMatchObject({ ready: false, deadline: null, reason: { code } });
    for (const part of told) expect(status.reason.message).toContain(part);
    expect(status.nextActions.map(({ actor }) => actor)).toContain('customer');
    const { joined, routes } = await stage.holdings(deployment);
    expect({ joined, routes }).toEqual({ joined: [], routes: [] });
    return ended;
  }

  /** A request waits in the cloud as the customer made it, and nobody answered it. */
  async function expectUntouched(deployment: StagedDeployment, providerId: string): Promise<void> {
    expect((await stage.holdings(deployment)).pending).toEqual([providerId]);
    for (const operation of [operations.accept!, operations.reject!]) {
      expect(stage.calls(operation)).toEqual([]);
    }
  }

  describe('a customer who declares', () => {
    it.each(subject.wrongValues)('$value as $field is told so', async ({ field, value, ends, told }) => {
      const deployment = await stage.deploy();
      const request = await stage.request(deployment);
      const { cloud, ...rest } = subject.declare(request);
      const id = await stage.declare(deployment, { ...rest, cloud: { ...cloud, [field]: value } });
      await expectEnd({ id, deployment }, 'failed', ends, ...told(request));
      if (initiator === 'customer') await expectUntouched(deployment, request.providerId);
      expect(stage.effects(joining)).toBe(0);
    });

    it('reserved addresses is refused at once', async () => {
      const deployment = await stage.deploy();
      const request = await stage.request(deployment, RESERVED_CIDR);
      const spec = { ...subject.declare(request), cidrs: [CUSTOMER_CIDR, RESERVED_CIDR] };
      const { status, body } = await stage.post(deployment, spec);
      expect(status).toBe(422);
      expect(body).toMatchObject({
        code: 'validation_failed',
        errors: [{ pointer: '/spec/cidrs/1', code: 'cidr_reserved' }],
        conflicts: [{ kind: 'reserved', cidr: RESERVED_CIDR, with: '10.10.0.0-10.64.255.255' }],
      });
      const { body: list } = await stage.ask<{ items: [] }>('GET', `deployments/${deployment.id}/peerings`);
      expect(list.items).toEqual([]);
      expect(stage.calls(joining)).toEqual([]);
    });

    it('addresses of the deployment is refused at once', async () => {
      const deployment = await stage.deploy();
      const request = await stage.request(deployment);
      const cidrs = ['10.128.128.0/20'];
      const { status, body } = await stage.post(deployment, { ...subject.declare(request), cidrs });
      expect(status).toBe(409);
      expect(body).toMatchObject({
        code: 'cidr_conflict',
        conflicts: [{ kind: 'deployment', cidr: cidrs[0], with: deployment.cidr }],
      });
    });
  });

  describe('a network that has a connection', () => {
    it('is not connected to the same again, nor to the same addresses', async () => {
      const { deployment, request, id } = await stage.connect();
      const again = await stage.post(deployment, subject.declare(request));
      // Where the customer has to declare their addresses, those are looked at first.
      const code = cidrsRequired ? 'cidr_conflict' : 'connection_exists';
      expect(again).toMatchObject({ status: 409, body: { code } });
      expect(JSON.stringify(again.body)).toContain(id);
      const overlapping = '172.16.64.0/20';
      const second = await stage.request(deployment, overlapping);
      const spec = { ...subject.declare(second), cidrs: [overlapping] };
      const colliding = await stage.post(deployment, spec);
      expect(colliding).toMatchObject({
        status: 409,
        body: {
          code: 'cidr_conflict',
          conflicts: [{ kind: 'peering', cidr: overlapping, with: CUSTOMER_CIDR, id }],
        },
      });
      expect((await stage.read(id)).status.state).toBe('running');
    });

    it('takes as many others as the cloud allows', async () => {
      const { deployment, id } = await stage.connect();
      const request = await stage.request(deployment, '192.168.0.0/16');
      const other = await stage.post(deployment, subject.declare(request));
      if (maxLivePerNetwork === 1) {
        expect(other).toMatchObject({ status: 409, body: { code: 'network_full' } });
        expect(JSON.stringify(other.body)).toContain(id);
        expect((await stage.holdings(deployment)).joined).toHaveLength(1);
      } else {
        await stage.until((other.body as unknown as PeeringView).id, 'running');
        expect((await stage.holdings(deployment)).joined).toHaveLength(2);
      }
    });
  });

  it('a connection that the customer deletes ends, and is never made anew', async () => {
    const connection = await stage.connect();
    await stage.harness.deleteAsCustomer(connection.request);
    await expectEnd(connection, 'failed', 'deleted_by_peer');
    expect(stage.effects(joining)).toBe(1);
  });

  it('a request that nobody answers in time expires in the cloud', async () => {
    const connection = await stage.begin();
    if (initiator === 'platform') {
      await stage.until(connection.id, 'awaiting_approval');
      const { providerId: ccnId } = connection.request;
      const instanceId = connection.deployment.network.vpcId;
      await stage.control('set-attachment-state', { ccnId, instanceId, state: 'EXPIRED' });
    } else {
      stage.fault({ kind: 'error', operation: joining, code: unknownErrorCode });
      await stage.until(connection.id, 'accepting');
      stage.advance(WEEK_MS + MINUTE_MS);
    }
    await expectEnd(connection, 'expired', 'request_expired');
  });

  if (cidrObservable) {
    it('addresses that only the cloud knows of are reserved all the same', async () => {
      const connection = await stage.begin(RESERVED_CIDR);
      await stage.approve(connection);
      await expectEnd(connection, 'failed', 'cidr_reserved', RESERVED_CIDR, '10.10.0.0-10.64.255.255');
      const { providerId } = connection.request;
      if (cidrVisibleWhilePending) await expectUntouched(connection.deployment, providerId);
      else expect((await stage.holdings(connection.deployment)).pending).toEqual([]);
    });
  }

  const { ownAddresses } = subject;
  if (ownAddresses !== undefined) {
    it('the addresses of the deployment itself end it', async () => {
      const connection = await stage.begin('10.128.64.0/20');
      await stage.approve(connection);
      await expectEnd(connection, 'failed', ownAddresses);
    });
  }

  if (initiator === 'customer') describeCustomersRequests();
  else describePlatformsRequests();

  function describeCustomersRequests(): void {
    describe('a request', () => {
      it('to another network of the platform is left alone', async () => {
        const [deployment, other] = [await stage.deploy(), await stage.deploy('10.129.0.0/16')];
        const request = await stage.request(other);
        const id = await stage.declare(deployment, subject.declare(request));
        const { vpcId } = deployment.network;
        const ended = await expectEnd({ id, deployment }, 'failed', 'accepter_mismatch', vpcId);
        // Where it leads is nobody's business here.
        expect(JSON.stringify(ended.status)).not.toContain(other.network.vpcId);
        await expectUntouched(other, request.providerId);
      });

      it('that does not exist is looked for while it may still come, and is told from one that does', async () => {
        const deployment = await stage.deploy();
        const { customer } = await stage.request(deployment);
        const { providerId } = unknown;
        const id = await stage.declare(deployment, subject.declare({ providerId, customer }));
        stage.advance(9 * MINUTE_MS);
        const looking = await stage.until(id, 'verifying');
        expect(looking.status.nextCheckAt).not.toBeNull();
        await expectEnd({ id, deployment }, 'failed', 'request_not_found', providerId);
      });

      it('that the customer withdraws is over', async () => {
        const connection = await stage.begin();
        stage.fault({ kind: 'error', operation: joining, code: unknownErrorCode });
        await stage.until(connection.id, 'accepting');
        await stage.harness.deleteAsCustomer(connection.request);
        await expectEnd(connection, 'failed', 'request_withdrawn');
      });

      it('that somebody at the platform rejects is rejected', async () => {
        const deployment = await stage.deploy();
        const request = await stage.request(deployment);
        await subject.rejectAsPlatform!(stage.harness, request);
        const id = await stage.declare(deployment, subject.declare(request));
        await expectEnd({ id, deployment }, 'rejected', 'rejected_by_platform');
        expect(stage.calls(joining)).toEqual([]);
      });

      if (subject.requestFromElsewhere) {
        it('from another region is left alone', async () => {
          const deployment = await stage.deploy();
          const { network } = deployment;
          const { request, region } = await subject.requestFromElsewhere!(
            stage.harness,
            network,
            CUSTOMER_CIDR,
          );
          const id = await stage.declare(deployment, subject.declare(request));
          await expectEnd({ id, deployment }, 'failed', 'requester_mismatch', region, network.region);
          await expectUntouched(deployment, request.providerId);
        });
      }

      if (cidrObservable) {
        it('whose addresses another connection has, as only the cloud knows, ends', async () => {
          const { deployment, id, request } = await stage.connect();
          const overlapping = '172.16.64.0/20';
          const second = await stage.begin(overlapping, deployment);
          const { status } = await stage.until(second.id, 'failed');
          expect(status.reason.code).toBe('cidr_overlaps_peering');
          for (const part of [overlapping, CUSTOMER_CIDR, id]) {
            expect(status.reason.message).toContain(part);
          }
          const { joined, routes } = await stage.holdings(deployment);
          expect(joined).toEqual([request.providerId]);
          expect(routes.map(({ destination }) => destination)).toEqual([CUSTOMER_CIDR]);
          expect((await stage.read(id)).status.state).toBe('running');
        });
      }
    });
  }

  function describePlatformsRequests(): void {
    it('a customer who rejects is heard', async () => {
      const connection = await stage.begin();
      await stage.until(connection.id, 'awaiting_approval');
      await stage.harness.answer!.refuse(connection.request);
      await expectEnd(connection, 'rejected', 'rejected_by_peer');
    });
  }
});
