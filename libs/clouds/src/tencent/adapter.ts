/** Tencent Cloud CCN behind the port: VPC API 2017-03-12, from the account that owns the VPC and asks to join. */
import type {
  CcnAttachedInstance,
  CcnInstance,
  CcnRoute,
  Filter,
  Route,
  RouteTable,
} from 'tencentcloud-sdk-nodejs/tencentcloud/services/vpc/v20170312/vpc_models.js';
import {
  CloudError,
  type AttachmentRequest,
  type ChangeContext,
  type ChangeReceipt,
  type CloudConnectionOptions,
  type CloudConnector,
  type CloudPort,
  type NetworkRef,
  type ObservedNetwork,
  type ObservedPeering,
  type ObservedRouteTable,
} from '#domain';
import { TencentClient, type Answer } from './client.js';
import {
  phaseOf,
  toDeliveredRoute,
  toLearnedRoute,
  toObservedPeering,
  toObservedRouteTable,
  vpcCidrs,
  type LearnedRoute,
} from './status.js';

/** Largest page that the API's listings give (API reference of VPC, Limit). */
const PER_PAGE = 100;

/** One look asks for everything within this time; what was begun longer ago may be of another look. */
const TOGETHER_MS = 100;

/** Opens a port to CCN. */
export const connectTencent: CloudConnector = (options) => new TencentPort(options);

class TencentPort implements CloudPort {
  readonly cloud = 'tencent';
  readonly #client: TencentClient;
  readonly #accountId: string;
  /** Connections and routes are observed side by side, and come from the same two listings. */
  readonly #begun = new Map<string, Begun>();

  constructor(options: CloudConnectionOptions) {
    this.#client = new TencentClient(options);
    this.#accountId = options.accountId;
  }

  /** Without route tables: CCN writes into them by itself, and nothing else may. */
  async describeNetwork({ vpcId }: NetworkRef): Promise<ObservedNetwork> {
    // By filter, because asking by id fails in several ways for an id that the account does not have.
    const { VpcSet: [vpc] = [] } = await this.#client.send('DescribeVpcs', {
      Filters: [{ Name: 'vpc-id', Values: [vpcId] }],
    });
    if (vpc === undefined) {
      const message = `this account has no VPC ${vpcId} in this region`;
      throw new CloudError({
        category: 'not_found',
        code: 'ResourceNotFound',
        message,
        operation: 'DescribeVpcs',
      });
    }
    return { vpcId, cidrs: vpcCidrs(vpc), routeTableIds: [] };
  }

  async observePeerings(network: NetworkRef): Promise<ObservedPeering[]> {
    return this.#observe(network, await this.#allAttachments(network));
  }

  async observePeering(network: NetworkRef, providerId: string): Promise<ObservedPeering | null> {
    const [peering] = await this.#observe(network, await this.#attachments(network, providerId));
    return peering ?? null;
  }

  async observeRoutes(network: NetworkRef): Promise<ObservedRouteTable[]> {
    const active = (await this.#allAttachments(network)).filter(isActive);
    return Promise.all(
      active.map(async ({ CcnId: ccnId = '' }) =>
        toObservedRouteTable(ccnId, await this.#allRoutes(network, ccnId)),
      ),
    );
  }

  acceptPeering(): Promise<ChangeReceipt> {
    return Promise.reject(platformInitiated('acceptPeering'));
  }

  rejectPeering(): Promise<ChangeReceipt> {
    return Promise.reject(platformInitiated('rejectPeering'));
  }

  deletePeering(): Promise<ChangeReceipt> {
    return Promise.reject(platformInitiated('deletePeering'));
  }

  /**
   * Asks to join, unless this connection has asked already. An application of its own that has ended is made again; one
   * that an earlier connection left is taken out of the way first, because it carries that connection's mark.
   */
  async requestAttachment(
    network: NetworkRef,
    request: AttachmentRequest,
    context: ChangeContext,
  ): Promise<ChangeReceipt> {
    const [known] = await this.#identities(network, request.providerId);
    if (known === undefined) return this.#attach(network, request, context);
    const isOwn = known.mark === context.mark;
    switch (known.phase) {
      case 'pending_customer':
      case 'in_progress':
      case 'active':
        if (isOwn) return {};
        throw refused('conflict', 'UnsupportedOperation.CcnAttached', 'AttachCcnInstances', {
          message: `${network.vpcId} is ${known.providerState} in ${request.providerId} without being this connection's`,
          reason: 'attachment_exists',
        });
      case 'rejected':
      case 'expired':
        if (isOwn) return this.#askAgain(network, request, context);
        await this.#detach(network, request.providerId);
        return this.#attach(network, request, context);
      case 'gone':
        return this.#attach(network, request, context);
      case 'failed':
      case 'deleting':
      case 'pending_platform':
        throw refused('conflict', 'UnsupportedOperation.MutexOperationTaskRunning', 'AttachCcnInstances', {
          message: `${network.vpcId} is still ${known.providerState} in ${request.providerId}`,
        });
    }
  }

  async withdrawAttachment(network: NetworkRef, { providerId }: AttachmentRequest): Promise<ChangeReceipt> {
    try {
      return await this.#detach(network, providerId);
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      if (!['conflict', 'invalid_state', 'unknown'].includes(error.info.category)) throw error;
      // Refused because it is being detached already, or because there is nothing to detach: what is seen decides.
      const [left] = await this.#identities(network, providerId);
      if (left !== undefined && left.phase !== 'deleting' && left.phase !== 'gone') throw error;
      return receiptOf(error);
    }
  }

  async markPeering(
    network: NetworkRef,
    providerId: string,
    { mark }: ChangeContext,
  ): Promise<ChangeReceipt> {
    const input = { CcnId: providerId, Instances: [instanceOf(network, mark)] };
    return receipt(await this.#client.send('ModifyCcnAttachedInstancesAttribute', input));
  }

  ensureRoute(): Promise<ChangeReceipt> {
    return Promise.reject(routedByCloud('ensureRoute'));
  }

  removeRoute(): Promise<ChangeReceipt> {
    return Promise.reject(routedByCloud('removeRoute'));
  }

  close(): void {
    this.#client.close();
  }

  async #attach(
    network: NetworkRef,
    { providerId, ownerAccountId }: AttachmentRequest,
    { mark }: ChangeContext,
  ): Promise<ChangeReceipt> {
    const input = { CcnId: providerId, CcnUin: ownerAccountId, Instances: [instanceOf(network, mark)] };
    try {
      return receipt(await this.#client.send('AttachCcnInstances', input));
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      const { info } = error;
      if (info.reason === 'attachment_exists') {
        // The attempt before this one may have gone through, with its answer lost and its effect not yet shown.
        const [known] = await this.#identities(network, providerId);
        if (known?.mark === mark) return receiptOf(error);
      }
      if (
        info.category === 'not_found' &&
        info.reason === undefined &&
        !info.message.includes(network.vpcId)
      ) {
        throw new CloudError({ ...info, reason: 'peer_network_not_found' });
      }
      throw error;
    }
  }

  /** ResetAttachCcnInstances is documented for expired applications; where it refuses, a new one is made. */
  async #askAgain(
    network: NetworkRef,
    request: AttachmentRequest,
    context: ChangeContext,
  ): Promise<ChangeReceipt> {
    const { providerId, ownerAccountId } = request;
    const instances = [instanceOf(network, context.mark)];
    const input = { CcnId: providerId, CcnUin: ownerAccountId, Instances: instances };
    try {
      return receipt(await this.#client.send('ResetAttachCcnInstances', input));
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      if (!['invalid_state', 'not_found'].includes(error.info.category)) throw error;
      await this.#detach(network, providerId);
      return this.#attach(network, request, context);
    }
  }

  /** Takes an attachment or application back; that there is none is as good. */
  async #detach(network: NetworkRef, providerId: string): Promise<ChangeReceipt> {
    const input = { CcnId: providerId, Instances: [instanceOf(network)] };
    try {
      return receipt(await this.#client.send('DetachCcnInstances', input));
    } catch (error) {
      if (error instanceof CloudError && error.info.category === 'not_found') return receiptOf(error);
      throw error;
    }
  }

  /** Attachments without what only routes tell. */
  async #identities(network: NetworkRef, providerId: string): Promise<ObservedPeering[]> {
    const attachments = await this.#attachments(network, providerId);
    return attachments.flatMap((attachment) => toObservedPeering(attachment, []) ?? []);
  }

  /** The customer's blocks are those of the CCN's routes, which are there once the VPC is in. */
  async #observe(
    network: NetworkRef,
    attachments: readonly CcnAttachedInstance[],
  ): Promise<ObservedPeering[]> {
    const observed = await Promise.all(
      attachments.map(async (attachment) => {
        const routes = isActive(attachment) ? await this.#allRoutes(network, attachment.CcnId ?? '') : [];
        return toObservedPeering(attachment, routes);
      }),
    );
    return observed.flatMap((peering) => peering ?? []);
  }

  #allAttachments(network: NetworkRef): Promise<CcnAttachedInstance[]> {
    return this.#together(`attachments ${network.vpcId}`, () => this.#attachments(network));
  }

  /** Reads; who asks for the same a moment later, before it is answered, is given the same answer. */
  #together<Answer>(what: string, read: () => Promise<Answer>): Promise<Answer> {
    const now = performance.now();
    const known = this.#begun.get(what);
    if (known !== undefined && now - known.at <= TOGETHER_MS) return known.answer as Promise<Answer>;
    const begun = { at: now, answer: read() };
    this.#begun.set(what, begun);
    const forget = (): void => {
      if (this.#begun.get(what) === begun) this.#begun.delete(what);
    };
    begun.answer.then(forget, forget);
    return begun.answer;
  }

  /**
   * Every attachment and application of a VPC, or those in one CCN. By filter only: with a CCN's id as parameter, the
   * API refuses one that belongs to another account.
   */
  async #attachments({ vpcId }: NetworkRef, ccnId?: string): Promise<CcnAttachedInstance[]> {
    const Filters: Filter[] = [
      { Name: 'instance-id', Values: [vpcId] },
      ...(ccnId === undefined ? [] : [{ Name: 'ccn-id', Values: [ccnId] }]),
    ];
    const listed = await allPages<CcnAttachedInstance>(async (page) => {
      const answer = await this.#client.send('DescribeCcnAttachedInstances', { Filters, ...page });
      return { items: answer.InstanceSet, total: answer.TotalCount };
    });
    // Pages are counted off, so an element that moves between two of them is listed twice.
    return [...new Map(listed.map((attachment) => [attachment.CcnId, attachment])).values()];
  }

  #allRoutes(network: NetworkRef, ccnId: string): Promise<LearnedRoute[]> {
    return this.#together(`routes ${network.vpcId} ${ccnId}`, () => this.#routes(network, ccnId));
  }

  /**
   * What the CCN of an attachment has learned. Where the API keeps that to the CCN's owner, what it has put into the
   * VPC's own route tables tells the same of everything but the VPC itself.
   */
  async #routes(network: NetworkRef, ccnId: string): Promise<LearnedRoute[]> {
    try {
      const routes = await allPages<CcnRoute>(async (page) => {
        const answer = await this.#client.send('DescribeCcnRoutes', { CcnId: ccnId, ...page });
        return { items: answer.RouteSet, total: answer.TotalCount };
      });
      const own = { vpcId: network.vpcId, accountId: this.#accountId };
      return routes.flatMap((route) => toLearnedRoute(route, own) ?? []);
    } catch (error) {
      if (!(error instanceof CloudError) || error.info.category !== 'not_found') throw error;
      return this.#deliveredRoutes(network, ccnId);
    }
  }

  async #deliveredRoutes({ vpcId }: NetworkRef, ccnId: string): Promise<LearnedRoute[]> {
    const Filters: Filter[] = [{ Name: 'vpc-id', Values: [vpcId] }];
    const tables = await allPages<RouteTable>(async ({ Offset, Limit }) => {
      // This action takes numbers as text.
      const page = { Offset: String(Offset), Limit: String(Limit) };
      const answer = await this.#client.send('DescribeRouteTables', { Filters, ...page });
      return { items: answer.RouteTableSet, total: answer.TotalCount };
    });
    return tables
      .flatMap(({ RouteSet = [] }) => RouteSet)
      .flatMap((route: Route) => toDeliveredRoute(route, ccnId) ?? []);
  }
}

/** A read that is not answered yet. */
interface Begun {
  /** When it began, on the monotonic clock. */
  readonly at: number;
  readonly answer: Promise<unknown>;
}

interface Page {
  readonly Offset: number;
  readonly Limit: number;
}

async function allPages<T>(
  fetch: (
    page: Page,
  ) => Promise<{ readonly items: readonly T[] | undefined; readonly total: number | undefined }>,
): Promise<T[]> {
  const all: T[] = [];
  for (;;) {
    const { items = [], total = 0 } = await fetch({ Offset: all.length, Limit: PER_PAGE });
    all.push(...items);
    if (items.length === 0 || all.length >= total) return all;
  }
}

function isActive({ State: state = '' }: CcnAttachedInstance): boolean {
  return phaseOf(state) === 'active';
}

/** The platform VPC as the CCN actions name it. */
function instanceOf({ vpcId, region }: NetworkRef, mark?: string): CcnInstance {
  return {
    InstanceId: vpcId,
    InstanceRegion: region,
    InstanceType: 'VPC',
    ...(mark === undefined ? {} : { Description: mark }),
  };
}

function receipt({ RequestId: requestId }: Answer): ChangeReceipt {
  return requestId === undefined ? {} : { requestId };
}

/** The receipt of a change that was refused because it is made already. */
function receiptOf({ info: { requestId } }: CloudError): ChangeReceipt {
  return requestId === undefined ? {} : { requestId };
}

function refused(
  category: CloudError['info']['category'],
  code: string,
  operation: string,
  more: Pick<CloudError['info'], 'message' | 'reason'>,
): CloudError {
  return new CloudError({ category, code, operation, ...more });
}

function platformInitiated(operation: string): CloudError {
  const message = 'on Tencent Cloud the platform asks to join the customer’s CCN and the customer approves';
  return refused('precondition', 'PlatformInitiated', operation, { message });
}

function routedByCloud(operation: string): CloudError {
  const message = 'on Tencent Cloud the CCN spreads routes by itself';
  return refused('precondition', 'RoutedByCloud', operation, { message });
}
