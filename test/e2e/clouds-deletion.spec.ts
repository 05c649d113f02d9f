import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { PEERING_STATES, profileOf, type PeeringState } from '#domain';

import { CloudStage, CUSTOMER_CIDR, type StagedConnection } from '../support/cloud-stage.js';
import { STAGED_CLOUDS, type Holdings } from '../support/cloud-stage-table.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const WEEK_MS = 7 * 24 * HOUR_MS;

/** A connection that has been brought to where it is to be deleted from. */
type Brought = Pick<StagedConnection, 'id' | 'deployment'> & Partial<StagedConnection>;

type Held = Pick<Holdings, 'pending' | 'joined' | 'routes'>;

/** What a connection goes through, and the state in which that leaves it. */
type Way = readonly [story: string, state: PeeringState, bring: () => Promise<Brought>];

describe.each(STAGED_CLOUDS)('a connection on $cloud that is deleted', (subject) => {
  const { operations, unknown, unknownErrorCode } = subject.contract;
  const { cidrObservable, initiator, routing } = profileOf(subject.cloud).capabilities;
  const joining = operations.accept ?? operations.request!;
  let stage: CloudStage;

  beforeAll(async () => {
    stage = await CloudStage.open(subject);
  });
  afterEach(() => stage.clear());
  afterAll(() => stage.close());

  /** What the cloud holds of this connection, and what it holds of others in the same network. */
  async function held({ deployment, request }: Brought): Promise<{ own: Held; others: Held }> {
    const { pending, joined, routes } = await stage.holdings(deployment);
    const part = (isOwn: boolean): Held => {
      const isWanted = (id: string): boolean => (id === request?.providerId) === isOwn;
      return {
        pending: pending.filter(isWanted),
        joined: joined.filter(isWanted),
        routes: routes.filter(({ target }) => isWanted(target)),
      };
    };
    return { own: part(true), others: part(false) };
  }

  async function begun(cidr?: string): Promise<StagedConnection> {
    return stage.begin(cidr);
  }

  const refuse = (operation: string): void => {
    stage.fault({ kind: 'error', operation, code: unknownErrorCode });
  };

  async function approved(cidr?: string): Promise<StagedConnection> {
    const connection = await stage.begin(cidr);
    await stage.approve(connection);
    return connection;
  }

  const ANYWHERE: readonly Way[] = [
    [
      'as a draft',
      'awaiting_request',
      async () => {
        const deployment = await stage.deploy();
        const { kind } = subject.declare({ providerId: '', customer: { cidrs: [] } }).cloud;
        return { deployment, id: await stage.declare(deployment, { cloud: { kind } }) };
      },
    ],
    ['while it runs', 'running', () => stage.connect()],
    [
      'after the customer has deleted it',
      'failed',
      async () => {
        const connection = await stage.connect();
        await stage.harness.deleteAsCustomer(connection.request);
        return connection;
      },
    ],
    [
      'while its route is disabled or taken',
      'degraded',
      async () => {
        const deployment = await stage.deploy();
        const { network } = deployment;
        const [table = ''] = (await stage.holdings(deployment)).tables;
        await stage.harness.tables?.putForeignRoute(network, table, CUSTOMER_CIDR);
        const request = await stage.request(deployment);
        await subject.disableRoute?.(stage.harness, request);
        const id = await stage.declare(deployment, subject.declare(request));
        const connection = { id, deployment, request };
        await stage.approve(connection);
        return connection;
      },
    ],
  ];

  const RESERVED: readonly Way[] = cidrObservable
    ? [['after its addresses turned out reserved', 'failed', () => approved('10.20.0.0/16')]]
    : [];

  const CUSTOMERS: readonly Way[] = [
    [
      'while its request is looked for',
      'verifying',
      async () => {
        const deployment = await stage.deploy();
        const { customer } = await stage.request(deployment);
        const { providerId } = unknown;
        const request = { providerId, customer: { ...customer, vpcId: unknown.vpcId } };
        return { deployment, request, id: await stage.declare(deployment, subject.declare(request)) };
      },
    ],
    [
      'while it is being accepted',
      'accepting',
      () => {
        refuse(joining);
        return begun();
      },
    ],
    [
      'while its routes are being added',
      'provisioning',
      () => {
        refuse(operations.ensureRoute!);
        return begun();
      },
    ],
    [
      'after somebody at the platform has rejected it',
      'rejected',
      async () => {
        const deployment = await stage.deploy();
        const request = await stage.request(deployment);
        await subject.rejectAsPlatform!(stage.harness, request);
        return { deployment, request, id: await stage.declare(deployment, subject.declare(request)) };
      },
    ],
    [
      'after its request has expired',
      'expired',
      async () => {
        refuse(joining);
        const connection = await begun();
        await stage.until(connection.id, 'accepting');
        stage.advance(WEEK_MS + MINUTE_MS);
        return connection;
      },
    ],
  ];

  const PLATFORMS: readonly Way[] = [
    [
      'while it is being asked for',
      'requesting',
      () => {
        refuse(joining);
        return begun();
      },
    ],
    ['while the customer has yet to approve', 'awaiting_approval', () => begun()],
    [
      'after the customer has rejected it',
      'rejected',
      async () => {
        const connection = await begun();
        await stage.until(connection.id, 'awaiting_approval');
        await stage.harness.answer!.refuse(connection.request);
        return connection;
      },
    ],
    [
      'after nobody has approved it in time',
      'failed',
      async () => {
        const connection = await begun();
        await stage.until(connection.id, 'awaiting_approval');
        stage.advance(10 * MINUTE_MS);
        return connection;
      },
    ],
    [
      'after its application has expired',
      'expired',
      async () => {
        await stage.settings({ applicationExpirySeconds: 60 });
        const connection = await begun();
        await stage.until(connection.id, 'awaiting_approval');
        stage.advance(MINUTE_MS);
        return connection;
      },
    ],
  ];

  const { slowly } = subject;
  const SLOWLY: readonly Way[] = slowly
    ? [
        [
          'while the cloud sets it up',
          'provisioning',
          async () => {
            await stage.settings(slowly);
            return approved();
          },
        ],
      ]
    : [];

  const ways = [...ANYWHERE, ...(initiator === 'customer' ? CUSTOMERS : PLATFORMS), ...SLOWLY, ...RESERVED];

  it('is tried from every state that it can be in', () => {
    const elsewhere =
      initiator === 'customer' ? ['requesting', 'awaiting_approval'] : ['verifying', 'accepting'];
    const met = PEERING_STATES.filter((state) => ![...elsewhere, 'deleting', 'deleted'].includes(state));
    expect(new Set(ways.map(([, state]) => state))).toEqual(new Set(met));
  });

  it.each(ways)('%s (%s) leaves nothing behind', async (_, state, bring) => {
    const brought = await bring();
    const { id } = brought;
    await stage.until(id, state);
    const before = await held(brought);
    const deleting = await stage.delete(id);
    expect(deleting.status).toMatchObject({ ready: false, deadline: null });
    // Whatever the cloud is still busy with comes to its end in the meantime.
    if (state === 'provisioning') stage.advance(2 * HOUR_MS);
    const { status } = await stage.until(id, 'deleted');
    expect(status).toMatchObject({ ready: false, reason: { code: 'removed' }, deadline: null });
    expect(status.nextActions).toEqual([]);
    expect(await held(brought)).toEqual({
      own: { pending: [], joined: [], routes: [] },
      others: before.others,
    });
  });

  it('twice is deleted once, and its network and addresses are free again', async () => {
    const { deployment, id } = await stage.connect();
    const [first, second] = await Promise.all([stage.delete(id), stage.delete(id)]);
    expect([first.id, second.id]).toEqual([id, id]);
    await stage.until(id, 'deleted');
    const removing = operations.delete ?? operations.withdraw!;
    expect(stage.effects(removing)).toBe(1);
    const again = await stage.delete(id);
    expect(again.status.state).toBe('deleted');
    await stage.connect(CUSTOMER_CIDR, deployment);
  });

  if (routing === 'platform') {
    it('loses its routes first, so that no traffic meets a black hole', async () => {
      const { id } = await stage.connect();
      await stage.delete(id);
      await stage.until(id, 'deleted');
      const effects = stage.calls().filter(({ tookEffect }) => tookEffect);
      expect(effects.map(({ operation }) => operation).slice(-2)).toEqual([
        operations.removeRoute,
        operations.delete,
      ]);
    });
  }
});
