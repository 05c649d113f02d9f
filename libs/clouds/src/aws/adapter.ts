/** AWS VPC peering behind the port: EC2 query API 2016-11-15, from the accepter's account and region. */
import {
  AcceptVpcPeeringConnectionCommand,
  CreateRouteCommand,
  CreateTagsCommand,
  DeleteRouteCommand,
  DeleteVpcPeeringConnectionCommand,
  DescribeRouteTablesCommand,
  DescribeVpcPeeringConnectionsCommand,
  DescribeVpcsCommand,
  RejectVpcPeeringConnectionCommand,
  ReplaceRouteCommand,
  type Filter,
  type RouteTable,
  type VpcPeeringConnection,
} from '@aws-sdk/client-ec2';
import {
  CloudError,
  type ChangeContext,
  type ChangeReceipt,
  type CloudConnectionOptions,
  type CloudConnector,
  type CloudPort,
  type NetworkRef,
  type ObservedNetwork,
  type ObservedPeering,
  type ObservedRoute,
  type ObservedRouteTable,
  type ProviderPhase,
  type RouteRef,
} from '#domain';
import { AwsClient } from './client.js';
import { MARK_TAG, tagValue, toObservedPeering, toObservedRouteTable, vpcCidrs } from './status.js';

/** Largest pages that the API gives (EC2 API reference, MaxResults of each operation). */
const PEERINGS_PER_PAGE = 1000;
const ROUTE_TABLES_PER_PAGE = 100;

/** Phases in which nothing is left to reject or to delete. */
const OVER: readonly ProviderPhase[] = ['rejected', 'expired', 'failed', 'deleting', 'gone'];

/** Opens a port to EC2. */
export const connectAws: CloudConnector = (options) => new AwsPort(options);

class AwsPort implements CloudPort {
  readonly cloud = 'aws';
  readonly #client: AwsClient;

  constructor(options: CloudConnectionOptions) {
    this.#client = new AwsClient(options);
  }

  async describeNetwork({ vpcId }: NetworkRef): Promise<ObservedNetwork> {
    const [{ Vpcs: [vpc] = [] }, tables] = await Promise.all([
      this.#client.send('DescribeVpcs', new DescribeVpcsCommand({ VpcIds: [vpcId] })),
      this.#routeTables({ Name: 'vpc-id', Values: [vpcId] }),
    ]);
    if (vpc === undefined) {
      const message = `this account has no VPC ${vpcId} in this region`;
      throw new CloudError({
        category: 'not_found',
        code: 'InvalidVpcID.NotFound',
        message,
        operation: 'DescribeVpcs',
      });
    }
    return {
      vpcId,
      ...(vpc.OwnerId === undefined ? {} : { accountId: vpc.OwnerId }),
      cidrs: vpcCidrs(vpc),
      routeTableIds: tables.flatMap((table) => table.RouteTableId ?? []),
    };
  }

  async observePeerings({ vpcId }: NetworkRef): Promise<ObservedPeering[]> {
    const peerings = await this.#peerings({ Name: 'accepter-vpc-info.vpc-id', Values: [vpcId] });
    return peerings.flatMap((peering) => toObservedPeering(peering) ?? []);
  }

  async observePeering(_network: NetworkRef, providerId: string): Promise<ObservedPeering | null> {
    const peering = await this.#peering(providerId);
    return peering === null ? null : toObservedPeering(peering);
  }

  async observeRoutes({ vpcId }: NetworkRef): Promise<ObservedRouteTable[]> {
    const tables = await this.#routeTables({ Name: 'vpc-id', Values: [vpcId] });
    return tables.flatMap((table) => toObservedRouteTable(table) ?? []);
  }

  async acceptPeering(_network: NetworkRef, providerId: string): Promise<ChangeReceipt> {
    const command = new AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId: providerId });
    return receipt(await this.#client.send('AcceptVpcPeeringConnection', command));
  }

  rejectPeering(network: NetworkRef, providerId: string): Promise<ChangeReceipt> {
    return this.#end(network, providerId, () =>
      this.#client.send(
        'RejectVpcPeeringConnection',
        new RejectVpcPeeringConnectionCommand({ VpcPeeringConnectionId: providerId }),
      ),
    );
  }

  deletePeering(network: NetworkRef, providerId: string): Promise<ChangeReceipt> {
    return this.#end(network, providerId, () =>
      this.#client.send(
        'DeleteVpcPeeringConnection',
        new DeleteVpcPeeringConnectionCommand({ VpcPeeringConnectionId: providerId }),
      ),
    );
  }

  requestAttachment(): Promise<ChangeReceipt> {
    return Promise.reject(customerInitiated('requestAttachment'));
  }

  withdrawAttachment(): Promise<ChangeReceipt> {
    return Promise.reject(customerInitiated('withdrawAttachment'));
  }

  /** The mark, and a name for people who look at the console, unless somebody has given one already. */
  async markPeering(
    _network: NetworkRef,
    providerId: string,
    { mark }: ChangeContext,
  ): Promise<ChangeReceipt> {
    const peering = await this.#peering(providerId);
    const named = tagValue(peering?.Tags, 'Name') !== undefined;
    const tags = [{ Key: MARK_TAG, Value: mark }, ...(named ? [] : [{ Key: 'Name', Value: mark }])];
    const command = new CreateTagsCommand({ Resources: [providerId], Tags: tags });
    return receipt(await this.#client.send('CreateTags', command));
  }

  async ensureRoute(_network: NetworkRef, route: RouteRef): Promise<ChangeReceipt> {
    try {
      return receipt(await this.#client.send('CreateRoute', new CreateRouteCommand(routeInput(route))));
    } catch (error) {
      if (!(error instanceof CloudError) || error.info.code !== 'RouteAlreadyExists') throw error;
      return this.#settle(route, error);
    }
  }

  async removeRoute(_network: NetworkRef, route: RouteRef): Promise<ChangeReceipt> {
    // Deletion names the destination only, so what stands there is looked at first.
    const entry = await this.#route(route);
    if (entry?.target !== route.target) return {};
    const { routeTableId, destination } = route;
    const command = new DeleteRouteCommand({
      RouteTableId: routeTableId,
      DestinationCidrBlock: destination,
    });
    return unlessGone(this.#client.send('DeleteRoute', command));
  }

  close(): void {
    this.#client.close();
  }

  /**
   * Rejects or deletes. EC2 refuses both once the connection is over, in words that depend on how it ended; whether
   * there is still something to end is what the connection itself shows.
   */
  async #end(network: NetworkRef, providerId: string, change: () => Promise<Answer>): Promise<ChangeReceipt> {
    try {
      return await unlessGone(change());
    } catch (error) {
      if (!(error instanceof CloudError) || error.info.category !== 'invalid_state') throw error;
      const peering = await this.observePeering(network, providerId);
      if (peering !== null && !OVER.includes(peering.phase)) throw error;
      return receiptOf(error);
    }
  }

  /** What to do about an entry that is in the way of a new one: nothing, mend it, or leave it to its owner. */
  async #settle(route: RouteRef, refusal: CloudError): Promise<ChangeReceipt> {
    const entry = await this.#route(route);
    if (entry === undefined) throw refusal;
    if (entry.target !== route.target) {
      const { destination, routeTableId } = route;
      const message = `in ${routeTableId}, ${destination} already leads to ${entry.target || 'something else'}`;
      throw new CloudError({ ...refusal.info, category: 'conflict', message });
    }
    if (entry.state !== 'blackhole') return receiptOf(refusal);
    const command = new ReplaceRouteCommand(routeInput(route));
    return receipt(await this.#client.send('ReplaceRoute', command));
  }

  /** The entry at a route's destination, wherever it leads. */
  async #route({ routeTableId, destination }: RouteRef): Promise<ObservedRoute | undefined> {
    const tables = await this.#routeTables({ Name: 'route-table-id', Values: [routeTableId] });
    return tables
      .flatMap((table) => toObservedRouteTable(table)?.routes ?? [])
      .find((entry) => entry.destination === destination);
  }

  /** By filter, because asking by id fails for an id that EC2 does not show. */
  async #peering(providerId: string): Promise<VpcPeeringConnection | null> {
    const peerings = await this.#peerings({ Name: 'vpc-peering-connection-id', Values: [providerId] });
    // Filters take wildcards; an id is meant as it stands.
    return peerings.find((peering) => peering.VpcPeeringConnectionId === providerId) ?? null;
  }

  #peerings(filter: Filter): Promise<VpcPeeringConnection[]> {
    return allPages(async (page) => {
      const command = new DescribeVpcPeeringConnectionsCommand({
        Filters: [filter],
        MaxResults: PEERINGS_PER_PAGE,
        ...page,
      });
      const { VpcPeeringConnections: items = [], NextToken: next } = await this.#client.send(
        'DescribeVpcPeeringConnections',
        command,
      );
      return { items, next };
    });
  }

  #routeTables(filter: Filter): Promise<RouteTable[]> {
    return allPages(async (page) => {
      const command = new DescribeRouteTablesCommand({
        Filters: [filter],
        MaxResults: ROUTE_TABLES_PER_PAGE,
        ...page,
      });
      const { RouteTables: items = [], NextToken: next } = await this.#client.send(
        'DescribeRouteTables',
        command,
      );
      return { items, next };
    });
  }
}

/** What every EC2 answer carries. */
interface Answer {
  readonly $metadata: { readonly requestId?: string | undefined };
}

interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | undefined;
}

async function allPages<T>(fetch: (page: { NextToken?: string }) => Promise<Page<T>>): Promise<T[]> {
  const all: T[] = [];
  let page: Page<T> = { items: [], next: undefined };
  do {
    page = await fetch(page.next === undefined ? {} : { NextToken: page.next });
    all.push(...page.items);
  } while (page.next !== undefined && page.next !== '');
  return all;
}

/** A removal's receipt; that there was nothing to remove is as good as having removed it. */
async function unlessGone(change: Promise<Answer>): Promise<ChangeReceipt> {
  try {
    return receipt(await change);
  } catch (error) {
    if (error instanceof CloudError && error.info.category === 'not_found') return receiptOf(error);
    throw error;
  }
}

function receipt({ $metadata: { requestId } }: Answer): ChangeReceipt {
  return requestId === undefined ? {} : { requestId };
}

/** The receipt of a change that was refused because it is made already. */
function receiptOf({ info: { requestId } }: CloudError): ChangeReceipt {
  return requestId === undefined ? {} : { requestId };
}

function routeInput({ routeTableId, destination, target }: RouteRef) {
  return {
    RouteTableId: routeTableId,
    DestinationCidrBlock: destination,
    VpcPeeringConnectionId: target,
  };
}

function customerInitiated(operation: string): CloudError {
  return new CloudError({
    category: 'precondition',
    code: 'CustomerInitiated',
    message: 'on AWS the customer asks for the connection and the platform accepts it',
    operation,
  });
}
