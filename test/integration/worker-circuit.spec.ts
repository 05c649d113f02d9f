import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { circuits, type CircuitRecord } from '#database';
import { beginTrial, CIRCUIT_SETTINGS } from '#domain';

import { AwsDeployment } from '../support/aws-deployment.js';
import { startBroker, type Broker } from '../support/broker.js';
import { eventually } from '../support/eventually.js';

const CIDR = '172.16.0.0/16';
const REGION = 'us-east-1';
const LISTING = 'DescribeVpcPeeringConnections';
const { firstWaitMs, maxWaitMs, trialMs, failuresToOpen } = CIRCUIT_SETTINGS.outage;
/** Past every wait of this many milliseconds, with what chance adds to it. */
const past = (ms: number): number => Math.ceil(ms * 1.25) + 15_000;

describe('a cloud that does not answer', () => {
  let broker: Broker;
  let deployments: AwsDeployment[];
  let ids: string[];

  beforeAll(async () => {
    broker = await startBroker({ workers: 2 });
    await broker.aws.control('POST', '/_sim/aws/settings', { peeringProvisioningSeconds: 0 });
    deployments = await Promise.all(
      [1, 2, 3, 4].map((block) => AwsDeployment.create(broker, `10.${block}.0.0/16`)),
    );
    ids = await Promise.all(
      deployments.map(async (deployment) => deployment.declare(await deployment.request(CIDR))),
    );
    for (const [index, deployment] of deployments.entries()) await deployment.until(ids[index]!, 'running');
  });
  beforeEach(async () => {
    await broker.aws.control('POST', '/_sim/faults', { cloud: 'aws', kind: 'server_error' });
    await lookAtAll();
    await eventually('the circuit is open', async () => (await circuit())?.circuit.state === 'open');
    await untilIdle();
    broker.aws.simulators.cloud('aws').calls.clear();
  });
  /** The cloud is well, and what was open closes by itself. */
  afterEach(async () => {
    await broker.aws.control('DELETE', '/_sim/faults');
    await eventually('the circuit is closed', async () => {
      const found = await circuit();
      if (found?.circuit.state === 'closed') return true;
      broker.clock.advance(1_000);
      return false;
    });
    await untilIdle();
    // Long enough for the circuit to begin with its shortest wait again.
    broker.clock.advance(CIRCUIT_SETTINGS.outage.forgetMs);
  });
  afterAll(() => broker.close());

  const circuit = async (): Promise<CircuitRecord | undefined> => {
    const found = await broker.database.asOperator((scope) => circuits.list(scope, [broker.account.id]));
    return found.find(({ kind, region }) => kind === 'outage' && region === REGION);
  };
  const lookAtAll = async (): Promise<void> => {
    await Promise.all(deployments.map((deployment, index) => deployment.look(ids[index]!)));
  };
  const untilIdle = async (): Promise<void> => {
    await eventually('nobody is at it', async () => {
      const all = await Promise.all(
        deployments.map((deployment, index) => deployment.connection(ids[index]!)),
      );
      const { active, waiting } = (await broker.queues.depth()).reconcile;
      return active + waiting === 0 && all.every(({ dueAt }) => dueAt !== null && dueAt > broker.clock.now());
    });
  };
  const listings = (): number => deployments[0]!.calls(LISTING).length;

  it('is left alone by every worker while its circuit is open, and no connection changes its state', async () => {
    const opened = (await circuit())!.circuit;
    expect(opened).toMatchObject({ openings: 1, failures: failuresToOpen });
    expect(opened.cause?.code).toBe('InternalError');
    expect(opened.nextAttemptAt! - opened.since).toBeGreaterThanOrEqual(firstWaitMs);
    for (let times = 0; times < 3; times += 1) {
      await lookAtAll();
      await untilIdle();
    }
    expect(deployments[0]!.calls()).toEqual([]);
    const waiting = await Promise.all(
      deployments.map((deployment, index) => deployment.connection(ids[index]!)),
    );
    expect(waiting.map(({ status }) => [status.state, status.reason.code])).toEqual(
      waiting.map(() => ['running', 'ready']),
    );
    const dueAt = waiting.map((connection) => connection.dueAt!);
    expect(Math.min(...dueAt)).toBeGreaterThanOrEqual(opened.nextAttemptAt!);
    expect(new Set(dueAt).size).toBe(dueAt.length);
  });

  it('is tried by one look of one worker after each wait, and each wait is longer than the one before', async () => {
    let { openings, nextAttemptAt } = (await circuit())!.circuit;
    for (let trials = 1; trials <= 3; trials += 1) {
      broker.clock.advance(past(nextAttemptAt! - broker.clock.now()));
      await eventually('it was tried', async () => (await circuit())!.circuit.openings === openings + 1);
      await untilIdle();
      expect(listings()).toBe(trials);
      const after = (await circuit())!.circuit;
      const wait = after.nextAttemptAt! - after.since;
      expect(wait).toBeGreaterThanOrEqual(Math.min(firstWaitMs * 2 ** openings, maxWaitMs));
      ({ openings, nextAttemptAt } = after);
    }
  });

  it('is asked again by everybody once it has answered, and what was stale is fresh', async () => {
    const isFresh = async (value: string): Promise<boolean> => {
      const all = await Promise.all(
        deployments.map((deployment, index) => deployment.connection(ids[index]!)),
      );
      return all.every(({ status }) =>
        status.conditions.some((condition) => condition.type === 'Fresh' && condition.status === value),
      );
    };
    broker.clock.advance(broker.config.engine.staleAfterMs);
    await eventually('all are stale', () => isFresh('Unknown'));
    await broker.aws.control('DELETE', '/_sim/faults');
    broker.clock.advance(past(firstWaitMs * 4));
    await eventually('it has answered', async () => (await circuit())!.circuit.state === 'closed');
    await eventually('all are fresh', () => isFresh('True'));
    expect(await circuit()).toMatchObject({ circuit: { state: 'closed', nextAttemptAt: null, failures: 0 } });
  });

  it('is tried by another worker when the one that tried has died', async () => {
    await broker.aws.control('DELETE', '/_sim/faults');
    const { nextAttemptAt } = (await circuit())!.circuit;
    // Before the clock shows it, so that nobody here comes first.
    const taken = await broker.database.circuits.change(
      { platformAccountId: broker.account.id, kind: 'outage', region: REGION },
      broker.account,
      (current) => beginTrial(current, CIRCUIT_SETTINGS.outage, nextAttemptAt!),
      nextAttemptAt!,
    );
    expect(taken?.after.state).toBe('half_open');
    broker.clock.advance(nextAttemptAt! - broker.clock.now());
    await lookAtAll();
    await untilIdle();
    expect(deployments[0]!.calls()).toEqual([]);
    broker.clock.advance(past(trialMs));
    await eventually('another has tried', async () => (await circuit())!.circuit.state === 'closed');
  });
});
