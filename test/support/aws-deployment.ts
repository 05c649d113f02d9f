/** A deployment on the simulated AWS, and a customer who connects to it: through AWS's own SDK and the database. */
import {
  CreateRouteCommand,
  CreateRouteTableCommand,
  CreateVpcCommand,
  CreateVpcPeeringConnectionCommand,
  DeleteRouteCommand,
  DeleteVpcPeeringConnectionCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';

import {
  deployments,
  peeringEvents,
  peerings,
  type DeploymentRecord,
  type EventRecord,
  type PeeringRecord,
} from '#database';
import {
  profileOf,
  startAttempt,
  startDeletion,
  type CloudSpec,
  type DriftPolicy,
  type PeeringState,
} from '#domain';

import type { Broker } from './broker.js';
import { eventually } from './eventually.js';
import { REGION } from './simulated-aws.js';

/** A request for a peering as the customer made it. */
export interface AwsRequest {
  readonly connectionId: string;
  readonly accountId: string;
  readonly vpcId: string;
}

/** What the simulator knows of a peering. */
export interface BookedPeering {
  readonly id: string;
  readonly status: string;
}

interface BookedTable {
  readonly id: string;
  readonly vpcId: string;
  readonly routes: readonly { readonly destination: string; readonly peeringId: string }[];
}

/** What of a deployment is not as usual, or not as it is in AWS. */
export interface DeploymentChoices {
  readonly driftPolicy?: DriftPolicy;
  readonly declaredVpcId?: string;
  readonly declaredCidrs?: readonly string[];
  /** The broker's one tenant and project when absent. */
  readonly tenantId?: string;
  readonly projectId?: string;
}

export class AwsDeployment {
  readonly platform: EC2Client;
  readonly customer: EC2Client;

  private constructor(
    private readonly broker: Broker,
    readonly record: DeploymentRecord,
  ) {
    this.platform = broker.aws.ec2(broker.aws.platform);
    this.customer = broker.aws.ec2(broker.aws.customer);
  }

  /** With a platform VPC of its own. */
  static async create(
    broker: Broker,
    cidr = '10.11.0.0/16',
    { declaredVpcId, declaredCidrs = [cidr], ...choices }: DeploymentChoices = {},
  ): Promise<AwsDeployment> {
    const made = await createVpc(broker.aws.ec2(broker.aws.platform), cidr);
    const vpcId = declaredVpcId ?? made;
    const record = await broker.database.asOperator((scope) =>
      deployments.create(scope, {
        tenantId: broker.tenant.id,
        projectId: broker.project.id,
        name: `on ${vpcId}`,
        cloud: 'aws',
        region: REGION,
        edition: 'dedicated_professional',
        platformAccountId: broker.account.id,
        vpcId,
        cidrs: declaredCidrs,
        ...choices,
      }),
    );
    return new AwsDeployment(broker, record);
  }

  get id(): string {
    return this.record.id;
  }

  get vpcId(): string {
    return this.record.network.vpcId;
  }

  /** Waits until the worker has compared the VPC with AWS. */
  async untilChecked(): Promise<void> {
    await eventually('the VPC was compared', async () => {
      const record = await this.broker.database.asOperator((scope) => deployments.get(scope, this.id));
      return record?.vpcCheckedAt != null;
    });
  }

  /** The customer makes a VPC and asks for a peering with the platform's, or with `to`. */
  async request(
    cidr = '172.16.0.0/16',
    to: { readonly vpcId?: string; readonly accountId?: string } = {},
  ): Promise<AwsRequest> {
    const { accountId } = this.broker.aws.customer;
    const vpcId = await createVpc(this.customer, cidr);
    const connectionId = await requestPeering(this.customer, {
      vpcId,
      peerVpcId: to.vpcId ?? this.vpcId,
      peerAccountId: to.accountId ?? this.broker.aws.platform.accountId,
    });
    return { connectionId, accountId, vpcId };
  }

  /** What POST does: a connection that declares a request, and a wake-up call unless told otherwise. */
  async declare(
    request: Partial<AwsRequest>,
    { cidrs = [], wakes = true }: { readonly cidrs?: readonly string[]; readonly wakes?: boolean } = {},
  ): Promise<string> {
    const spec = { cloud: { kind: 'aws', ...request } as CloudSpec, cidrs };
    const now = this.broker.clock.now();
    const status = startAttempt(profileOf('aws'), spec, now);
    const { id } = await this.broker.database.asTenant(this.record.tenantId, (scope) =>
      peerings.insert(scope, {
        deployment: this.record,
        displayName: 'connection',
        spec,
        status,
        dueAt: status.state === 'awaiting_request' ? null : now,
        events: [{ type: 'peering.created', actor: 'test', data: {} }],
        now,
      }),
    );
    if (wakes) await this.broker.queues.wake(this.id, 0, this.record.tenantId);
    return id;
  }

  /** The operator names the route tables to program. */
  async useRouteTables(routeTableIds: readonly string[]): Promise<void> {
    await this.broker.database.asOperator((scope) => deployments.update(scope, this.id, { routeTableIds }));
  }

  /** What PATCH of a failed connection does: another attempt with another request. */
  async retry(id: string, request: AwsRequest): Promise<void> {
    await this.change(id, (_before, now) => {
      const spec = { cloud: { kind: 'aws', ...request } as CloudSpec, cidrs: [] };
      return { spec, status: startAttempt(profileOf('aws'), spec, now), dueAt: now };
    });
    await this.broker.queues.wake(this.id);
  }

  /** What a refresh does: has the engine look now. */
  async look(id: string): Promise<void> {
    const now = this.broker.clock.now();
    await this.broker.database.asOperator((scope) => peerings.refresh(scope, id, now));
    await this.broker.queues.wake(this.id);
  }

  /** What DELETE does. */
  async remove(id: string): Promise<void> {
    await this.change(id, (before, now) => ({
      desired: 'absent' as const,
      status: startDeletion(before.status, now),
      dueAt: now,
    }));
    await this.broker.queues.wake(this.id);
  }

  /** What PATCH, retry, lock and unlock do; again when the worker came between. */
  async change(
    id: string,
    changes: (before: PeeringRecord, now: number) => Parameters<typeof peerings.change>[2],
  ): Promise<void> {
    await this.broker.database.asOperator(async (scope) => {
      const before = await peerings.getForUpdate(scope, id);
      if (before === null) throw new Error(`There is no ${id}.`);
      const now = this.broker.clock.now();
      await peerings.change(scope, before, changes(before, now), now);
    });
  }

  async connection(id: string): Promise<PeeringRecord> {
    const found = await this.broker.database.asOperator((scope) => peerings.get(scope, id));
    if (found === null) throw new Error(`There is no ${id}.`);
    return found;
  }

  /** Waits until a connection has come to a state and everything that was done for it has been taken back or finished. */
  async until(id: string, state: PeeringState, limitMs?: number): Promise<PeeringRecord> {
    let latest: PeeringRecord | null = null;
    try {
      return await eventually(
        `${id} is ${state}`,
        async () => {
          latest = await this.connection(id);
          return latest.status.state === state && latest.status.ending === null && latest;
        },
        limitMs,
      );
    } catch (error) {
      throw new Error(`${(error as Error).message} It is ${JSON.stringify(latest)}`, { cause: error });
    }
  }

  async events(id: string): Promise<readonly EventRecord[]> {
    const page = await this.broker.database.asOperator((scope) =>
      peeringEvents.list(scope, id, { limit: 200 }),
    );
    return [...page.items].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  // ---- what AWS knows ----------------------------------------------------------------------------------------------

  /** The peerings of the platform VPC that take part in its network, or could still join it. */
  livePeerings(): BookedPeering[] {
    const books = this.books();
    return (books['peerings'] as (BookedPeering & { accepter: { vpcId: string } })[]).filter(
      ({ accepter, status }) =>
        accepter.vpcId === this.vpcId &&
        ['initiating-request', 'pending-acceptance', 'provisioning', 'active', 'deleting'].includes(status),
    );
  }

  peering(connectionId: string): BookedPeering | undefined {
    return (this.books()['peerings'] as BookedPeering[]).find(({ id }) => id === connectionId);
  }

  /** The routes of the platform VPC that lead to peerings, with their tables. */
  routes(): { readonly routeTableId: string; readonly destination: string; readonly peeringId: string }[] {
    return this.tables().flatMap(({ id, routes }) =>
      routes.map(({ destination, peeringId }) => ({ routeTableId: id, destination, peeringId })),
    );
  }

  tables(): BookedTable[] {
    return (this.books()['routeTables'] as BookedTable[]).filter(({ vpcId }) => vpcId === this.vpcId);
  }

  /** The platform's calls of an operation that changed something. */
  effects(operation: string): number {
    return this.calls(operation).filter(({ tookEffect }) => tookEffect).length;
  }

  /** Those of them that name a peering. */
  effectsOn(operation: string, connectionId: string): number {
    return this.calls(operation).filter(
      ({ parameters, tookEffect }) => tookEffect && JSON.stringify(parameters).includes(connectionId),
    ).length;
  }

  /** The platform's calls of an operation. */
  calls(operation?: string) {
    const { accountId } = this.broker.aws.platform;
    return this.broker.aws.simulators.cloud('aws').calls.list({ accountId, operation });
  }

  // ---- what people do in AWS ---------------------------------------------------------------------------------------

  async addRouteTable(): Promise<string> {
    const { RouteTable } = await this.platform.send(new CreateRouteTableCommand({ VpcId: this.vpcId }));
    return RouteTable!.RouteTableId!;
  }

  async addRoute(destination: string, peeringId: string, table = this.tables()[0]!.id): Promise<void> {
    await this.platform.send(
      new CreateRouteCommand({
        RouteTableId: table,
        DestinationCidrBlock: destination,
        VpcPeeringConnectionId: peeringId,
      }),
    );
  }

  async dropRoute(destination: string, table = this.tables()[0]!.id): Promise<void> {
    await this.platform.send(
      new DeleteRouteCommand({ RouteTableId: table, DestinationCidrBlock: destination }),
    );
  }

  async deleteAsCustomer(connectionId: string): Promise<void> {
    await this.customer.send(new DeleteVpcPeeringConnectionCommand({ VpcPeeringConnectionId: connectionId }));
  }

  private books(): Readonly<Record<string, unknown>> {
    return this.broker.aws.simulators.cloud('aws').simulator.books();
  }
}

export async function createVpc(client: EC2Client, cidr: string): Promise<string> {
  const { Vpc } = await client.send(new CreateVpcCommand({ CidrBlock: cidr }));
  return Vpc!.VpcId!;
}

export async function requestPeering(
  client: EC2Client,
  { vpcId, peerVpcId, peerAccountId }: { vpcId: string; peerVpcId: string; peerAccountId: string },
  peerRegion?: string,
): Promise<string> {
  const { VpcPeeringConnection: peering } = await client.send(
    new CreateVpcPeeringConnectionCommand({
      VpcId: vpcId,
      PeerVpcId: peerVpcId,
      PeerOwnerId: peerAccountId,
      ...(peerRegion === undefined ? {} : { PeerRegion: peerRegion }),
    }),
  );
  return peering!.VpcPeeringConnectionId!;
}
