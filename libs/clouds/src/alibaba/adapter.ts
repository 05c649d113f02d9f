/**
 * Alibaba Cloud VPC peering behind the port: VpcPeer 2022-01-01 and Vpc 2016-04-28, from the accepter's account.
 *
 * Accepting, rejecting and deleting take no client token from us: the connection's own status tells a repetition. What
 * makes something new, a route entry, does.
 */
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
import { AlibabaClient, type Answer, type Parameters } from './client.js';
import { DUPLICATE_ROUTE } from './errors.js';
import {
  MARK_TAG,
  markedDescription,
  toObservedPeering,
  toObservedRoute,
  vpcCidrs,
  type RouteEntry,
  type VpcAttribute,
  type VpcPeerConnection,
} from './status.js';

/** Largest pages that the APIs give (API references: MaxResults, PageSize, MaxResult). */
const PEERINGS_PER_PAGE = 100;
const ROUTE_TABLES_PER_PAGE = 50;
const ROUTE_ENTRIES_PER_PAGE = 100;

/** Phases in which there is nothing left to reject, or to delete. */
const NOT_TO_BE_REJECTED: readonly ProviderPhase[] = ['rejected', 'expired', 'deleting', 'gone'];
const NOT_TO_BE_DELETED: readonly ProviderPhase[] = ['deleting', 'gone'];

/** Opens a port to VpcPeer and Vpc. */
export const connectAlibaba: CloudConnector = (options) => new AlibabaPort(options);

interface ListedPeerings extends Answer {
  readonly VpcPeerConnects?: readonly VpcPeerConnection[];
  readonly NextToken?: string;
}

interface ListedRouteTables extends Answer {
  readonly TotalCount?: number;
  readonly RouterTableList?: { readonly RouterTableListType?: readonly RouteTable[] };
}

interface RouteTable {
  readonly RouteTableId?: string;
  /** `System`: the VPC's main table. */
  readonly RouteTableType?: string;
}

interface ListedRouteEntries extends Answer {
  readonly RouteEntrys?: { readonly RouteEntry?: readonly RouteEntry[] };
  readonly NextToken?: string;
}

class AlibabaPort implements CloudPort {
  readonly cloud = 'alibaba';
  readonly #client: AlibabaClient;
  readonly #region: string;

  constructor(options: CloudConnectionOptions) {
    this.#client = new AlibabaClient(options);
    this.#region = options.region;
  }

  async describeNetwork({ vpcId }: NetworkRef): Promise<ObservedNetwork> {
    const [vpc, tables] = await Promise.all([
      this.#vpc<VpcAttribute & Answer>('DescribeVpcAttribute', { VpcId: vpcId }),
      this.#routeTables(vpcId),
    ]);
    return {
      vpcId,
      ...(vpc.OwnerId === undefined ? {} : { accountId: String(vpc.OwnerId) }),
      cidrs: vpcCidrs(vpc),
      routeTableIds: tables.flatMap((table) => table.RouteTableId ?? []),
    };
  }

  async observePeerings({ vpcId }: NetworkRef): Promise<ObservedPeering[]> {
    const all: VpcPeerConnection[] = [];
    let next: string | undefined;
    do {
      const page = await this.#client.call<ListedPeerings>('vpcpeer', 'ListVpcPeerConnections', {
        RegionId: this.#region,
        // A list of ids, but sent as one text.
        VpcId: JSON.stringify([vpcId]),
        MaxResults: PEERINGS_PER_PAGE,
        ...(next === undefined ? {} : { NextToken: next }),
      });
      all.push(...(page.VpcPeerConnects ?? []));
      next = page.NextToken;
    } while (next !== undefined && next !== '');
    // What the VPC has asked for itself is listed too, and is none of the customers' connections.
    return all
      .filter((peering) => peering.AcceptingVpc?.VpcId === vpcId)
      .flatMap((peering) => toObservedPeering(peering) ?? []);
  }

  async observePeering(_network: NetworkRef, providerId: string): Promise<ObservedPeering | null> {
    try {
      const peering = await this.#peer<VpcPeerConnection & Answer>(
        'GetVpcPeerConnectionAttribute',
        providerId,
      );
      return toObservedPeering(peering);
    } catch (error) {
      if (error instanceof CloudError && error.info.category === 'not_found') return null;
      throw error;
    }
  }

  async observeRoutes({ vpcId }: NetworkRef): Promise<ObservedRouteTable[]> {
    const tables = await this.#routeTables(vpcId);
    return Promise.all(
      tables.flatMap(({ RouteTableId: routeTableId, RouteTableType: type }) =>
        routeTableId === undefined ? [] : [this.#observeTable(routeTableId, type === 'System')],
      ),
    );
  }

  async acceptPeering(_network: NetworkRef, providerId: string): Promise<ChangeReceipt> {
    return receipt(await this.#peer('AcceptVpcPeerConnection', providerId));
  }

  rejectPeering(network: NetworkRef, providerId: string): Promise<ChangeReceipt> {
    return this.#end(network, providerId, 'RejectVpcPeerConnection', NOT_TO_BE_REJECTED);
  }

  /** Never by force, which would take routes along that are not the broker's. */
  deletePeering(network: NetworkRef, providerId: string): Promise<ChangeReceipt> {
    return this.#end(network, providerId, 'DeleteVpcPeerConnection', NOT_TO_BE_DELETED);
  }

  requestAttachment(): Promise<ChangeReceipt> {
    return Promise.reject(customerInitiated('requestAttachment'));
  }

  withdrawAttachment(): Promise<ChangeReceipt> {
    return Promise.reject(customerInitiated('withdrawAttachment'));
  }

  async markPeering(
    _network: NetworkRef,
    providerId: string,
    { mark }: ChangeContext,
  ): Promise<ChangeReceipt> {
    const answer = await this.#client.call('vpcpeer', 'TagResources', {
      RegionId: this.#region,
      ResourceType: 'PeerConnection',
      ResourceId: [providerId],
      Tag: [{ Key: MARK_TAG, Value: mark }],
    });
    return receipt(answer);
  }

  async ensureRoute(_network: NetworkRef, route: RouteRef, context: ChangeContext): Promise<ChangeReceipt> {
    const parameters = {
      RouteTableId: route.routeTableId,
      DestinationCidrBlock: route.destination,
      NextHopType: 'VpcPeer',
      NextHopId: route.target,
      RouteEntryName: context.mark,
      Description: markedDescription(context.mark),
    };
    try {
      return receipt(await this.#vpc('CreateRouteEntry', parameters, context.token));
    } catch (error) {
      if (!(error instanceof CloudError) || !DUPLICATE_ROUTE.includes(error.info.code)) throw error;
      return this.#settle(route, error);
    }
  }

  async removeRoute(_network: NetworkRef, route: RouteRef): Promise<ChangeReceipt> {
    try {
      const entry = await this.#route(route);
      if (entry?.target !== route.target || entry.routeId === undefined) return {};
      return receipt(await this.#vpc('DeleteRouteEntry', { RouteEntryId: entry.routeId }));
    } catch (error) {
      if (error instanceof CloudError && error.info.category === 'not_found') return receiptOf(error);
      throw error;
    }
  }

  close(): void {
    // The SDK's sockets are shared by the process, and idle ones keep no process alive.
  }

  /** Rejects or deletes. Where the cloud refuses, the connection itself shows whether there is still something to end. */
  async #end(
    network: NetworkRef,
    providerId: string,
    operation: string,
    done: readonly ProviderPhase[],
  ): Promise<ChangeReceipt> {
    try {
      return receipt(await this.#peer(operation, providerId));
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      if (error.info.category === 'not_found') return receiptOf(error);
      if (error.info.category !== 'invalid_state') throw error;
      const peering = await this.observePeering(network, providerId);
      if (peering !== null && !done.includes(peering.phase)) throw error;
      return receiptOf(error);
    }
  }

  /** What to do about an entry that is in the way of a new one: nothing, or leave it to its owner. */
  async #settle(route: RouteRef, refusal: CloudError): Promise<ChangeReceipt> {
    const entry = await this.#route(route);
    if (entry === undefined) throw refusal;
    if (entry.target === route.target) return receiptOf(refusal);
    const { destination, routeTableId } = route;
    const message = `in ${routeTableId}, ${destination} already leads to ${entry.target || 'something else'}`;
    throw new CloudError({ ...refusal.info, category: 'conflict', message });
  }

  /** The entry at a route's destination, wherever it leads. */
  async #route({ routeTableId, destination }: RouteRef): Promise<ObservedRoute | undefined> {
    const entries = await this.#routeEntries(routeTableId, { DestinationCidrBlock: destination });
    return entries.map(toObservedRoute).find((entry) => entry.destination === destination);
  }

  async #observeTable(routeTableId: string, main: boolean): Promise<ObservedRouteTable> {
    const entries = await this.#routeEntries(routeTableId, {});
    return { routeTableId, main, routes: entries.map(toObservedRoute) };
  }

  async #routeTables(vpcId: string): Promise<RouteTable[]> {
    const all: RouteTable[] = [];
    for (let number = 1; ; number++) {
      const page = await this.#vpc<ListedRouteTables>('DescribeRouteTableList', {
        VpcId: vpcId,
        PageNumber: number,
        PageSize: ROUTE_TABLES_PER_PAGE,
      });
      const tables = page.RouterTableList?.RouterTableListType ?? [];
      all.push(...tables);
      if (tables.length === 0 || all.length >= (page.TotalCount ?? 0)) return all;
    }
  }

  async #routeEntries(routeTableId: string, filter: Parameters): Promise<RouteEntry[]> {
    const all: RouteEntry[] = [];
    let next: string | undefined;
    do {
      const page = await this.#vpc<ListedRouteEntries>('DescribeRouteEntryList', {
        RouteTableId: routeTableId,
        MaxResult: ROUTE_ENTRIES_PER_PAGE,
        ...filter,
        ...(next === undefined ? {} : { NextToken: next }),
      });
      all.push(...(page.RouteEntrys?.RouteEntry ?? []));
      next = page.NextToken;
    } while (next !== undefined && next !== '');
    return all;
  }

  /** An action of the regional Vpc API. */
  #vpc<T extends Answer>(operation: string, parameters: Parameters, token?: string): Promise<T> {
    return this.#client.call<T>('vpc', operation, { RegionId: this.#region, ...parameters }, token);
  }

  /** An action of the VpcPeer API that needs an id only. */
  #peer<T extends Answer>(operation: string, providerId: string): Promise<T> {
    return this.#client.call<T>('vpcpeer', operation, { InstanceId: providerId });
  }
}

function receipt({ RequestId: requestId }: Answer): ChangeReceipt {
  return requestId === undefined ? {} : { requestId };
}

/** The receipt of a change that was refused because it is made already. */
function receiptOf({ info: { requestId } }: CloudError): ChangeReceipt {
  return requestId === undefined ? {} : { requestId };
}

function customerInitiated(operation: string): CloudError {
  return new CloudError({
    category: 'precondition',
    code: 'CustomerInitiated',
    message: 'on Alibaba Cloud the customer asks for the connection and the platform accepts it',
    operation,
  });
}
