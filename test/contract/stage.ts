import { expect } from '@jest/globals';
import { inspect } from 'node:util';
import {
  CloudError,
  LIVE_PHASES,
  profileOf,
  type Capabilities,
  type ChangeContext,
  type CloudConnectionOptions,
  type CloudErrorInfo,
  type CloudId,
  type CloudPort,
  type NetworkRef,
  type ObservedPeering,
  type ObservedRoute,
  type ProviderPhase,
} from '#domain';
import { connectors } from '#clouds';
import type { LoggedCall } from '../../apps/cloud-sim/src/call-log.js';
import type { FaultRule } from '../../apps/cloud-sim/src/faults.js';
import type { CloudHarness, CustomerRequest, WireOperations } from './cloud-harness.js';

/** Blocks that touch neither each other nor the platform's. */
export const PLATFORM_CIDR = '10.128.0.0/16';
export const CUSTOMER_CIDR = '172.16.0.0/16';

/** The longest that a cloud takes over anything that it does by itself, in seconds of simulated time. */
const PATIENCE_SECONDS = 180;

/** How the platform comes to see a state of the cloud, or why it never does. */
export type StateRecipe<H extends CloudHarness> =
  | {
      readonly phase: ProviderPhase;
      /** Brings a connection into the state; answers with its provider id. */
      reach(stage: Stage<H>): Promise<string>;
    }
  | { readonly phase: ProviderPhase; readonly hidden: string };

/** One cloud, as the contract suite takes it. Differences between clouds are its capabilities and what is absent here. */
export interface ContractSubject<H extends CloudHarness = CloudHarness> {
  readonly cloud: CloudId;
  readonly operations: WireOperations;
  /** Every state of the cloud's vocabulary. */
  readonly states: Readonly<Record<string, StateRecipe<H>>>;
  /** Well formed, and nobody's. */
  readonly unknown: { readonly providerId: string; readonly vpcId: string; readonly routeTableId: string };
  /** An error code, in the cloud's form, that no list names. */
  readonly unknownErrorCode: string;
  /** As many connections as fill more than two, and at most three, of the largest pages, where a VPC may have so many. */
  readonly beyondTwoPages?: number;
  /** As many route tables as fill more than one of the largest pages, where a VPC may have so many. */
  readonly beyondOnePageOfTables?: number;
  start(): Promise<H>;
}

/** The scene of one test at a time: an empty cloud with one platform VPC, and a port to it. */
export class Stage<H extends CloudHarness = CloudHarness> {
  readonly capabilities: Capabilities;
  harness: H;
  network: NetworkRef;
  port: CloudPort;
  #opened: CloudPort[] = [];

  constructor(readonly subject: ContractSubject<H>) {
    this.capabilities = profileOf(subject.cloud).capabilities;
  }

  async start(): Promise<void> {
    this.harness = await this.subject.start();
  }

  async stop(): Promise<void> {
    await this.harness.close();
  }

  async set(): Promise<void> {
    this.harness.reset();
    this.network = await this.harness.createNetwork(PLATFORM_CIDR);
    this.port = this.connect();
  }

  strike(): void {
    for (const port of this.#opened.splice(0)) port.close();
  }

  /** Another port; closed with the scene. */
  connect(changes: Partial<CloudConnectionOptions> = {}): CloudPort {
    const { cloud } = this.subject;
    const connector = connectors[cloud];
    if (connector === undefined) throw new Error(`#clouds has no connector of ${cloud}.`);
    const port = connector({ ...this.harness.options(), ...changes });
    this.#opened.push(port);
    return port;
  }

  /** What goes with every change that a connection makes. */
  context(request: Pick<CustomerRequest, 'providerId'>): ChangeContext {
    return { mark: `peer_for_${request.providerId}`, token: `token-${request.providerId}` };
  }

  /** A connection that waits for an answer: the platform's, or where the platform asks, the customer's. */
  async ask(cidr = CUSTOMER_CIDR, network = this.network): Promise<CustomerRequest> {
    const request = await this.harness.createRequest(network, cidr);
    if (this.capabilities.initiator === 'platform') {
      const { providerId, customer } = request;
      const target = { providerId, ownerAccountId: customer.accountId ?? '' };
      await this.port.requestAttachment(network, target, this.context(request));
    }
    return request;
  }

  /** A connection that carries traffic. */
  async establish(cidr = CUSTOMER_CIDR, network = this.network): Promise<CustomerRequest> {
    const request = await this.ask(cidr, network);
    if (this.harness.answer) await this.harness.answer.approve(request);
    else await this.port.acceptPeering(network, request.providerId, this.context(request));
    await this.untilPhase(request, 'active');
    return request;
  }

  /** The connection as a fresh port sees it. */
  observe({ providerId }: Pick<CustomerRequest, 'providerId'>): Promise<ObservedPeering | null> {
    return this.port.observePeering(this.network, providerId);
  }

  /** Moves simulated time on until the connection is in the phase. */
  untilPhase(request: CustomerRequest, phase: ProviderPhase): Promise<ObservedPeering | null> {
    return this.#until(request, (seen) => seen?.phase === phase, phase);
  }

  /** Moves simulated time on until the cloud shows nothing of the connection that could still carry traffic. */
  untilOver(request: CustomerRequest): Promise<ObservedPeering | null> {
    return this.#until(request, isOver, 'over');
  }

  /** The entry at a destination, as a look shows it. */
  async routeAt(routeTableId: string, destination: string): Promise<ObservedRoute | undefined> {
    const tables = await this.port.observeRoutes(this.network);
    const entries = tables.find((table) => table.routeTableId === routeTableId)?.routes ?? [];
    const found = entries.filter((entry) => entry.destination === destination);
    expect(found.length).toBeLessThanOrEqual(1);
    return found[0];
  }

  /** The tables of the platform VPC. */
  async routeTableIds(): Promise<readonly string[]> {
    return (await this.port.describeNetwork(this.network)).routeTableIds;
  }

  /** Makes the cloud misbehave; once, unless the rule says how often. */
  fault(rule: Omit<FaultRule, 'cloud'>): void {
    this.harness.simulators.faults.add({ cloud: this.subject.cloud, times: 1, ...rule });
  }

  /** Calls of the platform's account, of one operation or of all. */
  calls(operation?: string): LoggedCall[] {
    const { accountId } = this.harness.simulators.account(this.subject.cloud, 'platform');
    return this.harness.simulators.cloud(this.subject.cloud).calls.list({ operation, accountId });
  }

  /** How often an operation has changed something. */
  effects(operation: string): number {
    return this.calls(operation).filter((call) => call.tookEffect).length;
  }

  /** What a call fails with. It must be a {@link CloudError}, and nothing in it may be a credential. */
  async refusal(call: Promise<unknown>, ...furtherSecrets: readonly string[]): Promise<CloudErrorInfo> {
    const error = await call.then(
      (value) => new Error(`The call succeeded: ${inspect(value)}`),
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof CloudError)) throw error;
    const everything = inspect(error, { depth: null, showHidden: true, maxStringLength: null });
    for (const secret of [...this.harness.secrets(), ...furtherSecrets]) {
      expect(everything).not.toContain(secret);
    }
    return error.info;
  }

  async #until(
    request: CustomerRequest,
    isReached: (seen: ObservedPeering | null) => boolean,
    wanted: string,
  ): Promise<ObservedPeering | null> {
    let seen = await this.observe(request);
    for (let second = 0; second < PATIENCE_SECONDS && !isReached(seen); second++) {
      this.harness.simulators.clock.advance(1000);
      seen = await this.observe(request);
    }
    if (isReached(seen)) return seen;
    throw new Error(
      `${request.providerId} is not ${wanted} after ${PATIENCE_SECONDS} s but ${inspect(seen)}`,
    );
  }
}

/** Whether a look shows that nothing can come of the connection any more. */
export function isOver(seen: ObservedPeering | null): boolean {
  return seen === null || !LIVE_PHASES.includes(seen.phase);
}
