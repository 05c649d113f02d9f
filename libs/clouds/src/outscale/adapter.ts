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

/** How long OAPI's answers may show what was before a change, in milliseconds: the profile's `consistencyMs`. */
const FRESH_MS = 2_000;

/** Failures that say nothing of what was to be changed; after any other, what is there decides. */
const BLIND: readonly CloudErrorCategory[] = ['auth', 'throttled', 'transient'];

/** Opens a port to OAPI. */
export const connectOutscale: CloudConnector = (options) => new OutscalePort(options);

/** Conditions of a read call, by the filter's name. */
type Filters = Readonly<Record<string, readonly string[]>>;

class OutscalePort implements CloudPort {
  readonly cloud = 'outscale';
  readonly #client: OutscaleClient;
  readonly #latest = new LatestListings();

  constructor(options: CloudConnectionOptions) {
    this.#client = new OutscaleClient(options);
  }

  async describeNetwork({ vpcId }: NetworkRef): Promise<ObservedNetwork> {
    // One call after the other: four bad signatures in a row lock the key out.
    const nets = await this.#readAll<Net>('ReadNets', 'Nets', { NetIds: [vpcId] });
    const net = nets.find((candidate) => candidate.NetId === vpcId);
    if (net === undefined) {
      const message = `this account has no Net ${vpcId} in this region`;
      throw new CloudError({ category: 'not_found', code: '5065', message, operation: 'ReadNets' });
    }
    const tables = await this.#routeTables({ NetIds: [vpcId] });
    return {
      vpcId,
      cidrs: net.IpRange === undefined ? [] : [net.IpRange],
      routeTableIds: tables.flatMap((table) => table.RouteTableId ?? []),
    };
  }

  async observePeerings({ vpcId }: NetworkRef): Promise<ObservedPeering[]> {
    const listing = this.#peerings({ AccepterNetNetIds: [vpcId] });
    this.#latest.begin(vpcId, listing);
    const peerings = await listing;
    return peerings.flatMap((peering) => toObservedPeering(peering) ?? []);
  }

  async observePeering(_network: NetworkRef, providerId: string): Promise<ObservedPeering | null> {
    const peering = await this.#peering(providerId);
    return peering === undefined ? null : toObservedPeering(peering);
  }

  async observeRoutes({ vpcId }: NetworkRef): Promise<ObservedRouteTable[]> {
    const latest = this.#latest.active(vpcId);
    const tables = await this.#routeTables({ NetIds: [vpcId] });
    return this.#judged(tables, await latest);
  }

  acceptPeering({ vpcId }: NetworkRef, providerId: string): Promise<ChangeReceipt> {
    this.#latest.forget(vpcId);
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
    this.#latest.forget(network.vpcId);
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
    const tables = await this.#judged(await this.#routeTables({ RouteTableIds: [routeTableId] }));
    return tables.flatMap((table) => table.routes).find((entry) => entry.destination === destination);
  }

  /** Tables with what their routes are worth. Peerings that are not known to be active are looked at. */
  async #judged(
    tables: readonly RouteTable[],
    known: ReadonlySet<string> = new Set(),
  ): Promise<ObservedRouteTable[]> {
    const others = routedPeerings(tables).filter((id) => !known.has(id));
    const seen = others.length === 0 ? [] : await this.#peerings({ NetPeeringIds: others });
    const active = new Set([...known, ...activeOf(seen)]);
    return tables.flatMap((table) => toObservedRouteTable(table, active) ?? []);
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

/**
 * What each Net's peerings were when they were last listed, as long as that is no older than OAPI's own answers may be.
 * It saves the look at routes a look at peerings, which the engine takes at the same time anyway.
 */
class LatestListings {
  /** By Net, in the order in which they were begun; `begunAt` in milliseconds of the process. */
  readonly #latest = new Map<
    string,
    { readonly begunAt: number; readonly listing: Promise<readonly NetPeering[]> }
  >();

  begin(vpcId: string, listing: Promise<readonly NetPeering[]>): void {
    const now = performance.now();
    this.#latest.delete(vpcId);
    this.#latest.set(vpcId, { begunAt: now, listing });
    for (const [oldest, { begunAt }] of this.#latest) {
      if (now - begunAt < FRESH_MS) break;
      this.#latest.delete(oldest);
    }
  }

  /** To be called before anything is changed: what was listed until then tells nothing of after. */
  forget(vpcId: string): void {
    this.#latest.delete(vpcId);
  }

  /** The Net's peerings that are active by its latest listing, also one under way; empty when that tells nothing. */
  async active(vpcId: string): Promise<ReadonlySet<string>> {
    const latest = this.#latest.get(vpcId);
    if (latest === undefined || performance.now() - latest.begunAt >= FRESH_MS) return new Set();
    return latest.listing.then(
      (peerings) => new Set(activeOf(peerings)),
      () => new Set<string>(),
    );
  }
}

/** The ids of those that carry traffic. */
function activeOf(peerings: readonly NetPeering[]): string[] {
  return peerings.flatMap(({ NetPeeringId: id, State: state }) =>
    id !== undefined && state?.Name === 'active' ? [id] : [],
  );
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
