/**
 * Huawei Cloud VPC peering behind the port: the native API v2.0 for peerings, VPC v1 for route tables, VPC v3 for VPCs,
 * from the accepter's project.
 *
 * There are no client tokens, and no list of the errors of peerings: what a refusal means is seen by looking again.
 */
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
import { HuaweiClient, type Answer } from './client.js';
import {
  markedDescription,
  toObservedPeering,
  toObservedRoute,
  vpcCidrs,
  type RouteTable,
  type Viewpoint,
  type Vpc,
  type VpcPeering,
} from './status.js';

/** Entries of one page of a list. */
const PER_PAGE = 1_000;

/** Phases in which there is nothing left to reject. */
const NOT_TO_BE_REJECTED: readonly ProviderPhase[] = ['rejected', 'expired', 'gone'];

/** Errors that tell nothing of the state of what was to be changed. */
const NOT_ABOUT_STATE: readonly CloudErrorCategory[] = ['auth', 'throttled', 'transient', 'quota'];

/** Opens a port to VPC. */
export const connectHuawei: CloudConnector = (options) => new HuaweiPort(options);

/** The first marker says where the next page begins: at the end of this one. */
interface Listed {
  readonly id?: string;
}

class HuaweiPort implements CloudPort {
  readonly cloud = 'huawei';
  readonly #client: HuaweiClient;
  /** Listings of peerings under way, by VPC: a look at the routes at the same time needs no listing of its own. */
  readonly #listings = new Map<string, Promise<VpcPeering[]>>();

  constructor(private readonly options: CloudConnectionOptions) {
    this.#client = new HuaweiClient(options);
  }

  async describeNetwork({ vpcId }: NetworkRef): Promise<ObservedNetwork> {
    const [{ body }, tables] = await Promise.all([
      this.#client.call<{ vpc: Vpc }>({
        service: 'vpc',
        operation: 'ShowVpc',
        method: 'GET',
        path: (projectId) => `/v3/${projectId}/vpc/vpcs/${encodeURIComponent(vpcId)}`,
      }),
      this.#routeTables(vpcId),
    ]);
    const { accountId, projectId } = this.#viewpoint();
    return {
      vpcId,
      ...(body.vpc.project_id === projectId ? { accountId } : {}),
      cidrs: vpcCidrs(body.vpc),
      routeTableIds: tables.flatMap((table) => table.id ?? []),
    };
  }

  async observePeerings({ vpcId }: NetworkRef): Promise<ObservedPeering[]> {
    const listing = this.#peerings(vpcId);
    this.#listings.set(vpcId, listing);
    const done = (): void => {
      if (this.#listings.get(vpcId) === listing) this.#listings.delete(vpcId);
    };
    listing.then(done, done);
    const peerings = await listing;
    // What the VPC has asked for itself is listed too, and is none of the customers' connections.
    return peerings
      .filter((peering) => peering.accept_vpc_info?.vpc_id === vpcId)
      .flatMap((peering) => toObservedPeering(peering, this.#viewpoint()) ?? []);
  }

  async observePeering(_network: NetworkRef, providerId: string): Promise<ObservedPeering | null> {
    const peering = await this.#peering(providerId);
    return peering === null ? null : toObservedPeering(peering, this.#viewpoint());
  }

  async observeRoutes({ vpcId }: NetworkRef): Promise<ObservedRouteTable[]> {
    const [tables, peerings] = await Promise.all([
      this.#routeTables(vpcId),
      this.#listings.get(vpcId) ?? this.#peerings(vpcId),
    ]);
    const active = new Set(
      peerings.flatMap((peering) => (peering.status === 'ACTIVE' && peering.id ? [peering.id] : [])),
    );
    // The list of the tables shows none of their routes.
    const shown = await Promise.all(
      tables.flatMap(({ id }) => (id === undefined ? [] : [this.#routeTable(id)])),
    );
    return shown.flatMap((table) =>
      table === null
        ? []
        : [
            {
              routeTableId: table.id ?? '',
              main: table.default === true,
              routes: (table.routes ?? []).map((route) => toObservedRoute(route, active)),
            },
          ],
    );
  }

  acceptPeering(network: NetworkRef, providerId: string): Promise<ChangeReceipt> {
    return this.#answer(network, providerId, 'accept', []);
  }

  rejectPeering(network: NetworkRef, providerId: string): Promise<ChangeReceipt> {
    return this.#answer(network, providerId, 'reject', NOT_TO_BE_REJECTED);
  }

  async deletePeering(_network: NetworkRef, providerId: string): Promise<ChangeReceipt> {
    try {
      const answer = await this.#client.call({
        service: 'vpc',
        operation: 'DeleteVpcPeering',
        method: 'DELETE',
        path: () => peeringPath(providerId),
      });
      return receipt(answer);
    } catch (error) {
      if (error instanceof CloudError && error.info.category === 'not_found') return receiptOf(error);
      throw error;
    }
  }

  requestAttachment(): Promise<ChangeReceipt> {
    return Promise.reject(customerInitiated('requestAttachment'));
  }

  withdrawAttachment(): Promise<ChangeReceipt> {
    return Promise.reject(customerInitiated('withdrawAttachment'));
  }

  /** There are no tags, so the mark goes into the description, which both sides see. */
  async markPeering(
    _network: NetworkRef,
    providerId: string,
    { mark }: ChangeContext,
  ): Promise<ChangeReceipt> {
    const peering = await this.#peering(providerId);
    const description = markedDescription(peering?.description, mark);
    if (peering?.description === description) return {};
    const answer = await this.#client.call({
      service: 'vpc',
      operation: 'UpdateVpcPeering',
      method: 'PUT',
      path: () => peeringPath(providerId),
      body: { peering: { description } },
    });
    return receipt(answer);
  }

  async ensureRoute(_network: NetworkRef, route: RouteRef, { mark }: ChangeContext): Promise<ChangeReceipt> {
    const { destination, target } = route;
    const description = markedDescription(undefined, mark);
    const entry = { type: 'peering', destination, nexthop: target, description };
    try {
      return receipt(await this.#changeRoutes(route, { add: [entry] }));
    } catch (error) {
      if (!(error instanceof CloudError) || NOT_ABOUT_STATE.includes(error.info.category)) throw error;
      return this.#settle(route, error);
    }
  }

  async removeRoute(_network: NetworkRef, route: RouteRef): Promise<ChangeReceipt> {
    // Deletion names the destination only, so what stands there is looked at first.
    const entry = await this.#route(route);
    if (entry?.target !== route.target) return {};
    try {
      return receipt(await this.#changeRoutes(route, { del: [{ destination: route.destination }] }));
    } catch (error) {
      if (error instanceof CloudError && error.info.category === 'not_found') return receiptOf(error);
      throw error;
    }
  }

  close(): void {
    // Idle sockets belong to the process' fetch, which closes them by itself and keeps no process alive for them.
  }

  #viewpoint(): Viewpoint {
    const { region, accountId } = this.options;
    return { region, accountId, projectId: this.#client.projectId };
  }

  /**
   * Accepts or rejects. Where the cloud refuses, the connection itself shows why: it is gone, it has been answered
   * before, or neither.
   *
   * @param done phases in which what was wanted is the case already
   */
  async #answer(
    network: NetworkRef,
    providerId: string,
    verb: 'accept' | 'reject',
    done: readonly ProviderPhase[],
  ): Promise<ChangeReceipt> {
    try {
      const answer = await this.#client.call({
        service: 'vpc',
        operation: verb === 'accept' ? 'AcceptVpcPeering' : 'RejectVpcPeering',
        method: 'PUT',
        path: () => `${peeringPath(providerId)}/${verb}`,
      });
      return receipt(answer);
    } catch (error) {
      if (!(error instanceof CloudError) || NOT_ABOUT_STATE.includes(error.info.category)) throw error;
      const peering = await this.observePeering(network, providerId);
      if (peering === null) {
        if (done.includes('gone')) return receiptOf(error);
        throw new CloudError({ ...error.info, category: 'not_found' });
      }
      if (done.includes(peering.phase)) return receiptOf(error);
      if (peering.phase === 'pending_platform') throw error;
      throw new CloudError({ ...error.info, category: 'invalid_state' });
    }
  }

  /** What to do about a route that was refused: nothing when it is there, else say what stands in its way. */
  async #settle(route: RouteRef, refusal: CloudError): Promise<ChangeReceipt> {
    const { destination, routeTableId, target } = route;
    const entry = await this.#route(route);
    if (entry?.target === target) return receiptOf(refusal);
    if (entry !== undefined) {
      const message = `in ${routeTableId}, ${destination} already leads to ${entry.target || 'something else'}`;
      throw new CloudError({ ...refusal.info, category: 'conflict', message });
    }
    const peering = await this.#peering(target);
    if (peering === null) throw new CloudError({ ...refusal.info, category: 'not_found' });
    if (peering.status !== 'ACTIVE') throw new CloudError({ ...refusal.info, category: 'invalid_state' });
    throw refusal;
  }

  /** The entry at a route's destination, wherever it leads. */
  async #route({ routeTableId, destination }: RouteRef): Promise<ObservedRoute | undefined> {
    const table = await this.#routeTable(routeTableId);
    const entry = table?.routes?.find((route) => route.destination === destination);
    return entry && toObservedRoute(entry, new Set());
  }

  #changeRoutes(
    { routeTableId }: RouteRef,
    routes: Readonly<Record<string, unknown>>,
  ): Promise<Answer<unknown>> {
    return this.#client.call({
      service: 'vpc',
      operation: 'UpdateRouteTable',
      method: 'PUT',
      path: (projectId) => routeTablePath(projectId, routeTableId),
      body: { routetable: { routes } },
    });
  }

  /** One table with its routes; null when the project has none of this id. */
  async #routeTable(routeTableId: string): Promise<RouteTable | null> {
    try {
      const { body } = await this.#client.call<{ routetable: RouteTable }>({
        service: 'vpc',
        operation: 'ShowRouteTable',
        method: 'GET',
        path: (projectId) => routeTablePath(projectId, routeTableId),
      });
      return body.routetable;
    } catch (error) {
      if (error instanceof CloudError && error.info.category === 'not_found') return null;
      throw error;
    }
  }

  /** The connection by its id; null when the project sees none. */
  async #peering(providerId: string): Promise<VpcPeering | null> {
    try {
      const { body } = await this.#client.call<{ peering: VpcPeering }>({
        service: 'vpc',
        operation: 'ShowVpcPeering',
        method: 'GET',
        path: () => peeringPath(providerId),
      });
      return body.peering;
    } catch (error) {
      if (error instanceof CloudError && error.info.category === 'not_found') return null;
      throw error;
    }
  }

  #routeTables(vpcId: string): Promise<RouteTable[]> {
    return allPages(async (page) => {
      const { body } = await this.#client.call<{ routetables?: readonly RouteTable[] }>({
        service: 'vpc',
        operation: 'ListRouteTables',
        method: 'GET',
        path: (projectId) => `/v1/${projectId}/routetables`,
        query: { vpc_id: vpcId, ...page },
      });
      return body.routetables ?? [];
    });
  }

  #peerings(vpcId: string): Promise<VpcPeering[]> {
    return allPages(async (page) => {
      const { body } = await this.#client.call<{ peerings?: readonly VpcPeering[] }>({
        service: 'vpc',
        operation: 'ListVpcPeerings',
        method: 'GET',
        path: () => '/v2.0/vpc/peerings',
        query: { vpc_id: vpcId, ...page },
      });
      return body.peerings ?? [];
    });
  }
}

/** A full page is followed by another, which begins after its last element. */
async function allPages<T extends Listed>(
  fetch: (page: Readonly<Record<string, string>>) => Promise<readonly T[]>,
): Promise<T[]> {
  const all: T[] = [];
  const limit = String(PER_PAGE);
  for (let marker: string | undefined; ;) {
    const items = await fetch(marker === undefined ? { limit } : { limit, marker });
    all.push(...items);
    marker = items.at(-1)?.id;
    if (items.length < PER_PAGE || marker === undefined) return all;
  }
}

function peeringPath(providerId: string): string {
  return `/v2.0/vpc/peerings/${encodeURIComponent(providerId)}`;
}

function routeTablePath(projectId: string, routeTableId: string): string {
  return `/v1/${projectId}/routetables/${encodeURIComponent(routeTableId)}`;
}

function receipt({ requestId }: Answer<unknown>): ChangeReceipt {
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
    message: 'on Huawei Cloud the customer asks for the connection and the platform accepts it',
    operation,
  });
}
