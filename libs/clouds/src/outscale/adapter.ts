/** OUTSCALE Net peering behind the port: OAPI, from the accepter's account and region. */
import {
  CloudError,
  type ChangeContext,
  type ChangeReceipt,
  type CloudConnectionOptions,
  type CloudConnector,
  type CloudErrorCategory,
  type CloudPort,
  type NetworkRef,
  type ObservedNetwork,
  type ObservedPeering,
  type ObservedRoute,
  type ObservedRouteTable,
  type ProviderPhase,
  type RouteRef,
} from '#domain';
import { OutscaleClient, type Answer } from './client.js';
import {
  MARK_TAG,
  routedPeerings,
  tagValue,
  toObservedPeering,
  toObservedRouteTable,
  type Net,
  type NetPeering,
  type RouteTable,
} from './status.js';

/** The largest page that the API gives (API reference, ResultsPerPage). */
const RESULTS_PER_PAGE = 1000;

/** Phases in which nothing is left to reject or to delete. */
const OVER: readonly ProviderPhase[] = ['rejected', 'expired', 'failed', 'gone'];

/** Failures that say nothing of what was to be changed; after any other, what is there decides. */
const BLIND: readonly CloudErrorCategory[] = ['auth', 'throttled', 'transient'];

/** Opens a port to OAPI. */
export const connectOutscale: CloudConnector = (options) => new OutscalePort(options);

/** Conditions of a read call, by the filter's name. */
type Filters = Readonly<Record<string, readonly string[]>>;

class OutscalePort implements CloudPort {
  readonly cloud = 'outscale';
  readonly #client: OutscaleClient;

  constructor(options: CloudConnectionOptions) {
    this.#client = new OutscaleClient(options);
  }

  async describeNetwork({ vpcId }: NetworkRef): Promise<ObservedNetwork> {
    const [nets, tables] = await Promise.all([
      this.#readAll<Net>('ReadNets', 'Nets', { NetIds: [vpcId] }),
      this.#routeTables({ NetIds: [vpcId] }),
    ]);
    const net = nets.find((candidate) => candidate.NetId === vpcId);
    if (net === undefined) {
      const message = `this account has no Net ${vpcId} in this region`;
      throw new CloudError({ category: 'not_found', code: '5065', message, operation: 'ReadNets' });
    }
    return {
      vpcId,
      cidrs: net.IpRange === undefined ? [] : [net.IpRange],
      routeTableIds: tables.flatMap((table) => table.RouteTableId ?? []),
    };
  }

  async observePeerings({ vpcId }: NetworkRef): Promise<ObservedPeering[]> {
    const peerings = await this.#peerings({ AccepterNetNetIds: [vpcId] });
    return peerings.flatMap((peering) => toObservedPeering(peering) ?? []);
  }

  async observePeering(_network: NetworkRef, providerId: string): Promise<ObservedPeering | null> {
    const peering = await this.#peering(providerId);
    return peering === undefined ? null : toObservedPeering(peering);
  }

  observeRoutes({ vpcId }: NetworkRef): Promise<ObservedRouteTable[]> {
    return this.#observedTables({ NetIds: [vpcId] });
  }

  acceptPeering(_network: NetworkRef, providerId: string): Promise<ChangeReceipt> {
    return this.#change('AcceptNetPeering', { NetPeeringId: providerId });
  }

  rejectPeering(network: NetworkRef, providerId: string): Promise<ChangeReceipt> {
    return this.#end(network, 'RejectNetPeering', providerId);
  }

  deletePeering(network: NetworkRef, providerId: string): Promise<ChangeReceipt> {
    return this.#end(network, 'DeleteNetPeering', providerId);
  }

  requestAttachment(): Promise<ChangeReceipt> {
    return Promise.reject(customerInitiated('requestAttachment'));
  }

  withdrawAttachment(): Promise<ChangeReceipt> {
    return Promise.reject(customerInitiated('withdrawAttachment'));
  }

  /** The mark, and a name for people who look at Cockpit, unless somebody has given one already. */
  async markPeering(
    _network: NetworkRef,
    providerId: string,
    { mark }: ChangeContext,
  ): Promise<ChangeReceipt> {
    const peering = await this.#peering(providerId);
    const isNamed = tagValue(peering?.Tags, 'Name') !== undefined;
    return this.#change('CreateTags', {
      ResourceIds: [providerId],
      Tags: [{ Key: MARK_TAG, Value: mark }, ...(isNamed ? [] : [{ Key: 'Name', Value: mark }])],
    });
  }

  async ensureRoute(_network: NetworkRef, route: RouteRef): Promise<ChangeReceipt> {
    const { routeTableId, destination, target } = route;
    try {
      return await this.#change('CreateRoute', {
        RouteTableId: routeTableId,
        DestinationIpRange: destination,
        NetPeeringId: target,
      });
    } catch (error) {
      if (!isTelling(error)) throw error;
      const entry = await this.#route(route);
      if (entry?.target === target && entry.state === 'active') return receiptOf(error);
      if (entry === undefined || entry.target === target) throw error;
      const message = `in ${routeTableId}, ${destination} already leads to ${entry.target || 'something else'}`;
      throw new CloudError({ ...error.info, category: 'conflict', message });
    }
  }

  async removeRoute(_network: NetworkRef, route: RouteRef): Promise<ChangeReceipt> {
    // Deletion names the destination only, so what stands there is looked at first.
    const entry = await this.#route(route);
    if (entry?.target !== route.target) return {};
    try {
      return await this.#change('DeleteRoute', {
        RouteTableId: route.routeTableId,
        DestinationIpRange: route.destination,
      });
    } catch (error) {
      if (!isTelling(error) || (await this.#route(route))?.target === route.target) throw error;
      return receiptOf(error);
    }
  }

  close(): void {
    this.#client.close();
  }

  /**
   * Rejects or deletes. What OAPI says of a peering that is over is documented in part only; whether there is still
   * something to end is what the peering itself shows.
   */
  async #end(network: NetworkRef, operation: string, providerId: string): Promise<ChangeReceipt> {
    try {
      return await this.#change(operation, { NetPeeringId: providerId });
    } catch (error) {
      if (!isTelling(error)) throw error;
      const peering = await this.observePeering(network, providerId);
      if (peering !== null && !OVER.includes(peering.phase)) throw error;
      return receiptOf(error);
    }
  }

  /** The entry at a route's destination, wherever it leads. */
  async #route({ routeTableId, destination }: RouteRef): Promise<ObservedRoute | undefined> {
    const tables = await this.#observedTables({ RouteTableIds: [routeTableId] });
    return tables.flatMap((table) => table.routes).find((entry) => entry.destination === destination);
  }

  async #observedTables(filters: Filters): Promise<ObservedRouteTable[]> {
    const tables = await this.#routeTables(filters);
    const ids = routedPeerings(tables);
    const active =
      ids.length === 0 ? [] : await this.#peerings({ NetPeeringIds: ids, StateNames: ['active'] });
    const activeIds = new Set(active.flatMap((peering) => peering.NetPeeringId ?? []));
    return tables.flatMap((table) => toObservedRouteTable(table, activeIds) ?? []);
  }

  async #peering(providerId: string): Promise<NetPeering | undefined> {
    const peerings = await this.#peerings({ NetPeeringIds: [providerId] });
    return peerings.find((peering) => peering.NetPeeringId === providerId);
  }

  #peerings(filters: Filters): Promise<NetPeering[]> {
    return this.#readAll('ReadNetPeerings', 'NetPeerings', filters);
  }

  #routeTables(filters: Filters): Promise<RouteTable[]> {
    return this.#readAll('ReadRouteTables', 'RouteTables', filters);
  }

  /** Everything that a read call lists, over all pages. */
  async #readAll<T>(operation: string, list: string, filters: Filters): Promise<T[]> {
    const all: T[] = [];
    let next: string | undefined;
    do {
      const answer: Answer & Partial<Record<string, unknown>> = await this.#client.call(operation, {
        Filters: filters,
        ResultsPerPage: RESULTS_PER_PAGE,
        ...(next === undefined ? {} : { NextPageToken: next }),
      });
      all.push(...((answer[list] ?? []) as readonly T[]));
      next = (answer['NextPageToken'] ?? undefined) as string | undefined;
    } while (next !== undefined && next !== '');
    return all;
  }

  async #change(operation: string, parameters: object): Promise<ChangeReceipt> {
    const { ResponseContext: context } = await this.#client.call(operation, parameters);
    return context?.RequestId === undefined ? {} : { requestId: context.RequestId };
  }
}

/** Whether the cloud has refused a change for a reason that a look can confirm. */
function isTelling(error: unknown): error is CloudError {
  return error instanceof CloudError && !BLIND.includes(error.info.category);
}

/** The receipt of a change that was refused because it is made already. */
function receiptOf({ info: { requestId } }: CloudError): ChangeReceipt {
  return requestId === undefined ? {} : { requestId };
}

function customerInitiated(operation: string): CloudError {
  return new CloudError({
    category: 'precondition',
    code: 'CustomerInitiated',
    message: 'on OUTSCALE the customer asks for the connection and the platform accepts it',
    operation,
  });
}
