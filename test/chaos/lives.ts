/** What becomes of connections: each is played by a customer who does their part in the cloud and over the API. */
import { setTimeout as sleep } from 'node:timers/promises';

import { isRetryable, type PeeringState } from '#domain';

import type { PeeringView } from '../../apps/api/src/peerings/peering.view.js';
import type { CustomerRequest } from '../contract/cloud-harness.js';
import type { Declaration } from '../support/cloud-stage.js';
import type { CarefulAnswer, CarefulClient, CarefulRequest } from './careful-client.js';
import type { ChaosDeployment } from './chaos-stage.js';
import type { SeededChance } from './seeded-chance.js';
import type { Watch } from './watch.js';

/** How a life has to end. */
export interface Outcome {
  readonly states: readonly PeeringState[];
  /** Whether the network takes part in the connection. */
  readonly joined: boolean;
  /** The customer's request was never theirs to touch, and stays. */
  readonly leavesRequest?: boolean;
}

const UP: Outcome = { states: ['running'], joined: true };
const GONE: Outcome = { states: ['deleted'], joined: false };
const ENDED: Outcome = { states: ['failed', 'rejected', 'expired'], joined: false };

/** How long anything may take that somebody waits for, outages included. */
const PATIENCE_MS = 120_000;

export interface LifeParts {
  readonly index: number;
  readonly deployment: ChaosDeployment;
  readonly cidr: string;
  readonly client: CarefulClient;
  readonly watch: Watch;
  readonly chance: SeededChance;
}

export class Life {
  request: CustomerRequest;
  id = '';
  /** Acknowledged attempts to try again. */
  retries = 0;
  outcome: Outcome | null = null;

  constructor(
    readonly plot: PlotName,
    readonly parts: LifeParts,
  ) {}

  get name(): string {
    const { deployment, index } = this.parts;
    return `connection ${index} (${deployment.cloud.subject.cloud}, ${this.plot}, ${this.id})`;
  }

  /** Plays it to the point from which it has to reach its outcome by itself. */
  async play(): Promise<void> {
    const { deployment, cidr } = this.parts;
    try {
      this.request = await deployment.cloud.harness.createRequest(deployment.network, cidr);
      this.outcome = await PLOTS[this.plot](this);
    } catch (error) {
      const shown = JSON.stringify(this.parts.watch.latest(this.id), null, 1);
      throw new Error(`${this.name}: ${(error as Error).message} ${shown}`, { cause: error });
    }
  }

  /** What is right to declare of the request. */
  get declaration(): Declaration {
    return this.parts.deployment.cloud.subject.declare(this.request);
  }

  get asksCustomer(): boolean {
    return this.parts.deployment.cloud.harness.answer !== undefined;
  }

  async create(spec: Declaration = this.declaration): Promise<void> {
    const { deployment, index } = this.parts;
    const { body } = await this.acknowledged({
      method: 'POST',
      path: `/v1/deployments/${deployment.id}/peerings`,
      body: { displayName: `connection ${index}`, spec },
      idempotencyKey: `create-${index}`,
    });
    this.id = body.id;
  }

  /** Declared wrongly is who they are and not which network is theirs: two of a deployment may err at the same time. */
  get mistake(): Declaration {
    const { cloud, ...rest } = this.declaration;
    const { wrongValues } = this.parts.deployment.cloud.subject;
    const wrong =
      wrongValues.find(({ field }) => ['accountId', 'projectId'].includes(field)) ?? wrongValues[0];
    return { ...rest, cloud: { ...cloud, [wrong!.field]: wrong!.value } };
  }

  async delete(): Promise<void> {
    await this.acknowledged({ method: 'DELETE', path: `/v1/peerings/${this.id}` });
  }

  async retry(): Promise<void> {
    this.retries += 1;
    await this.acknowledged({
      method: 'POST',
      path: `/v1/peerings/${this.id}/retry`,
      idempotencyKey: `retry-${this.parts.index}-${this.retries}`,
    });
  }

  /** PATCH knows no Idempotency-Key: after an attempt without an answer, a refusal may mean that it was carried out. */
  async change(body: { readonly displayName?: string; readonly spec?: Declaration }): Promise<void> {
    const path = `/v1/peerings/${this.id}`;
    const answer = await this.parts.client.send<PeeringView>({ method: 'PATCH', path, body });
    if (answer.status === 202) return;
    const { body: now } = await this.parts.client.send<PeeringView>({ method: 'GET', path });
    const wanted = body.spec?.cloud ?? {};
    const isDone = Object.entries(wanted).every(([field, value]) => now.spec.cloud[field] === value);
    if (!answer.wasUnsure || !isDone) this.#refuse(`PATCH ${path}`, answer);
  }

  /** The customer approves, where it is theirs to do. */
  async approve(): Promise<void> {
    const { answer } = this.parts.deployment.cloud.harness;
    if (answer === undefined) return;
    await this.until('awaiting_approval', ({ status }) => status.state === 'awaiting_approval');
    await this.persist(() => answer.approve(this.request));
  }

  /** The customer's own call of the cloud, which may have to wait for the cloud to come to a rest. */
  async persist(call: () => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await call();
        return;
      } catch (error) {
        if (attempt === 20) throw error;
        await sleep(250);
      }
    }
  }

  until(what: string, isSo: (shown: PeeringView) => boolean): Promise<PeeringView> {
    return this.parts.watch.until(this.id, what, isSo, PATIENCE_MS);
  }

  untilRunning(): Promise<PeeringView> {
    return this.until('running', ({ status }) => status.state === 'running');
  }

  /** Waits until an attempt has ended without success, and nothing is left to be done about it. */
  untilEnded(after = 0): Promise<PeeringView> {
    return this.until(
      'ended',
      ({ version, status }) =>
        version > after && isRetryable(status.state as PeeringState) && status.nextCheckAt === null,
    );
  }

  pause(mostMs: number): Promise<void> {
    return sleep(this.parts.chance.between(0, mostMs));
  }

  async acknowledged(request: CarefulRequest): Promise<CarefulAnswer<PeeringView>> {
    const answer = await this.parts.client.send<PeeringView>(request);
    if (answer.status !== 202) this.#refuse(`${request.method} ${request.path}`, answer);
    return answer;
  }

  #refuse(what: string, { status, body }: CarefulAnswer<unknown>): never {
    throw new Error(`${what} was answered with ${status} ${JSON.stringify(body)}`);
  }
}

type Plot = (life: Life) => Promise<Outcome>;

/** Every way that a life can go. */
export const PLOTS = {
  'comes up': async (life) => {
    await life.create();
    await life.approve();
    await life.untilRunning();
    return UP;
  },
  'is deleted when it is up': async (life) => {
    await life.create();
    await life.approve();
    await life.untilRunning();
    await life.delete();
    return GONE;
  },
  'is deleted on its way': async (life) => {
    await life.create();
    await life.pause(3_000);
    await life.delete();
    return GONE;
  },
  'is turned down by its customer': async (life) => {
    const { harness } = life.parts.deployment.cloud;
    await life.create();
    if (harness.answer) {
      await life.until('awaiting_approval', ({ status }) => status.state === 'awaiting_approval');
      await life.persist(() => harness.answer!.refuse(life.request));
    } else {
      await life.until('seen', ({ status }) => status.observed !== null);
      await life.persist(() => harness.deleteAsCustomer(life.request));
    }
    return ENDED;
  },
  'is taken away by its customer': async (life) => {
    const { harness } = life.parts.deployment.cloud;
    await life.create();
    await life.approve();
    await life.untilRunning();
    await life.persist(() => harness.deleteAsCustomer(life.request));
    return ENDED;
  },
  'is declared bit by bit': async (life) => {
    const { cloud, ...rest } = life.declaration;
    await life.create({ ...rest, cloud: { kind: cloud.kind } });
    await life.pause(1_000);
    await life.change({ spec: life.declaration });
    await life.approve();
    await life.untilRunning();
    await life.change({ displayName: 'renamed' });
    return UP;
  },
  'is declared wrongly and corrected': async (life) => {
    await life.create(life.mistake);
    await life.untilEnded();
    await life.change({ spec: life.declaration });
    await life.approve();
    await life.untilRunning();
    return UP;
  },
  'is tried again': async (life) => {
    const { answer } = life.parts.deployment.cloud.harness;
    if (answer) {
      await life.create();
      await life.until('awaiting_approval', ({ status }) => status.state === 'awaiting_approval');
      await life.persist(() => answer.refuse(life.request));
      await life.untilEnded();
      await life.retry();
      await life.approve();
      await life.untilRunning();
      return UP;
    }
    await life.create(life.mistake);
    const { version } = await life.untilEnded();
    await life.retry();
    await life.untilEnded(version);
    await life.delete();
    return { ...GONE, leavesRequest: true };
  },
} as const satisfies Record<string, Plot>;

export type PlotName = keyof typeof PLOTS;
