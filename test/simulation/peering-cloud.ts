/** The model of the clouds where the customer asks and the platform accepts: one model, four sets of habits. */
import {
  profileOf,
  type ChangeReceipt,
  type CloudId,
  type CloudPort,
  type NetworkRef,
  type ObservedPeering,
  type ObservedRouteTable,
  type PeerSide,
  type PlatformNetwork,
  type ProviderPhase,
} from '#domain';

import { cloudError, CloudModel, Timeline, type CloudSurroundings, type Line } from './cloud-model.js';
import { RouteTables } from './route-tables.js';

export type AcceptingCloudId = Exclude<CloudId, 'tencent'>;

/** How such a cloud behaves beyond what its capabilities say. Times are in milliseconds, from least to most. */
interface Habits {
  /** How long an acceptance takes to come about; null: none. */
  readonly accepting: readonly [number, number] | null;
  readonly deleting: readonly [number, number] | null;
  /** What is over stays listed for this long. */
  readonly lingering: readonly [number, number];
  /** How soon a request that nobody answers expires here; null: it never does. */
  readonly expiry: number | null;
  /** How long a new route entry takes to come about. */
  readonly routing: number;
  readonly shows: { readonly account: 'accountId' | 'projectId'; readonly region: boolean };
}

const HABITS: Readonly<Record<AcceptingCloudId, Habits>> = {
  aws: {
    accepting: [100, 3_000],
    deleting: [100, 2_000],
    lingering: [30_000, 120_000],
    expiry: 90_000,
    routing: 0,
    shows: { account: 'accountId', region: true },
  },
  alibaba: {
    accepting: [500, 5_000],
    deleting: [500, 3_000],
    lingering: [0, 500],
    expiry: 90_000,
    routing: 800,
    shows: { account: 'accountId', region: true },
  },
  huawei: {
    accepting: null,
    deleting: null,
    lingering: [0, 0],
    expiry: 120_000,
    routing: 0,
    shows: { account: 'projectId', region: true },
  },
  outscale: {
    accepting: null,
    deleting: [0, 500],
    lingering: [20_000, 60_000],
    expiry: 90_000,
    routing: 0,
    shows: { account: 'accountId', region: false },
  },
};

/** The name that each cloud has for a side's account is that of the model. */
export interface Requester {
  readonly accountId: string;
  readonly vpcId: string;
}

/** One connection in the cloud's books. */
export interface PeeringBook {
  readonly id: string;
  readonly requester: Requester;
  readonly accepter: { readonly accountId: string; readonly vpcId: string };
  readonly createdAt: number;
  readonly expiresAt: number | null;
  cidrs: readonly string[];
  /** Since when it has these blocks. */
  cidrsSince: number;
  phase: ProviderPhase;
  mark: string | null;
  /** The broker accepted it. */
  acceptedAt: number | null;
  /** When it came to an end by somebody else than the broker. */
  endedByOthersAt: number | null;
  readonly shown: Timeline<ObservedPeering | null>;
}

const OVER: readonly ProviderPhase[] = ['rejected', 'expired', 'failed', 'gone'];

export class PeeringCloud extends CloudModel {
  readonly books = new Map<string, PeeringBook>();
  readonly #tables = new Map<string, RouteTables>();
  readonly #habits: Habits;

  constructor(
    cloud: AcceptingCloudId,
    private readonly networks: readonly PlatformNetwork[],
    around: CloudSurroundings,
    /** Whether this cloud shows the customer's blocks before acceptance, where it does not promise to. */
    private readonly showsEarly: boolean,
  ) {
    super(cloud, profileOf(cloud).capabilities, around);
    this.#habits = HABITS[cloud];
    for (const { routeTableIds, vpcId } of networks) {
      const tables = new RouteTables(routeTableIds ?? [`rtb-${vpcId}`], ({ madeAt, target }) => {
        if (this.now < madeAt + this.#habits.routing) return 'pending';
        const book = this.books.get(target);
        return book === undefined || ['active', 'in_progress'].includes(book.phase) ? 'active' : 'blackhole';
      });
      this.#tables.set(vpcId, tables);
    }
  }

  tablesOf({ vpcId }: Pick<NetworkRef, 'vpcId'>): RouteTables {
    const tables = this.#tables.get(vpcId);
    if (tables === undefined) throw cloudError('not_found', 'InvalidVpcID.NotFound', 'observeRoutes');
    return tables;
  }

  // What customers do

  /** A customer asks. */
  request(
    id: string,
    requester: Requester,
    accepter: PeeringBook['accepter'],
    cidrs: readonly string[],
  ): void {
    if (this.books.has(id)) return;
    const { now } = this;
    const { expiry } = this.#habits;
    const book: PeeringBook = {
      id,
      requester,
      accepter,
      createdAt: now,
      expiresAt: expiry === null ? null : now + expiry,
      cidrs,
      cidrsSince: now,
      phase: 'pending_platform',
      mark: null,
      acceptedAt: null,
      endedByOthersAt: null,
      shown: new Timeline<ObservedPeering | null>(null),
    };
    this.books.set(id, book);
    this.#show(book);
    if (book.expiresAt !== null) {
      this.around.scheduler.at(book.expiresAt, null, () => {
        if (book.phase === 'pending_platform') this.#end(book, 'expired', true);
      });
    }
  }

  /** A customer takes a request back or ends what is up. */
  deleteAsCustomer(id: string): void {
    const book = this.books.get(id);
    if (book === undefined || !['pending_platform', 'active', 'rejected', 'expired'].includes(book.phase))
      return;
    this.#delete(book, true);
  }

  /** Somebody turns a request down in the platform's console. */
  rejectInConsole(id: string): void {
    const book = this.books.get(id);
    if (book?.phase === 'pending_platform') this.#end(book, 'rejected', true);
  }

  /** A customer's network gets other blocks. */
  changeBlocks(id: string, cidrs: readonly string[]): void {
    const book = this.books.get(id);
    if (book === undefined || OVER.includes(book.phase)) return;
    book.cidrs = cidrs;
    book.cidrsSince = this.now;
    this.#show(book);
  }

  // What the platform sees and does

  trueSightOf({ vpcId }: NetworkRef): readonly ObservedPeering[] {
    return [...this.books.values()].flatMap((book) =>
      book.accepter.vpcId === vpcId && book.shown.latest !== null ? [this.#render(book)] : [],
    );
  }

  /** One connection as it is now, with everything that the cloud knows of it. */
  truthOf(id: string): ObservedPeering | null {
    const book = this.books.get(id);
    return book === undefined ? null : this.#render(book);
  }

  trueRoutes(network: NetworkRef): readonly ObservedRouteTable[] {
    return this.tablesOf(network).show(() => this.now);
  }

  port(line: Line, own: PlatformNetwork): CloudPort {
    const { cloud } = this;
    const notHere = (): Promise<ChangeReceipt> =>
      Promise.reject(cloudError('precondition', 'CustomerInitiated', 'requestAttachment'));
    const peeringChange =
      (kind: 'accept' | 'reject' | 'delete' | 'mark', effect: (book: PeeringBook | null) => void) =>
      (
        _network: NetworkRef,
        providerId: string,
        context: { mark: string; token: string },
      ): Promise<ChangeReceipt> =>
        this.change(line, { kind, providerId, route: null }, context, () => {
          const book = this.books.get(providerId);
          effect(book?.shown.latest == null ? null : book);
          return { requestId: `req-${this.now}` };
        });
    return {
      cloud,
      describeNetwork: (network) => this.describe(line, this.#declared(network) ?? own),
      observePeerings: ({ vpcId }) =>
        this.look(line, 'observePeerings', (asOf) =>
          [...this.books.values()].flatMap((book) =>
            book.accepter.vpcId === vpcId ? (book.shown.asOf(asOf()) ?? []) : [],
          ),
        ),
      observePeering: (_network, providerId) =>
        this.look(line, `observePeering ${providerId}`, (asOf) => {
          const book = this.books.get(providerId);
          // Who is neither side of a connection does not see it.
          return book?.accepter.accountId === own.accountId ? book.shown.asOf(asOf()) : null;
        }),
      observeRoutes: (network) =>
        this.look(line, 'observeRoutes', (asOf) => this.tablesOf(network).show(asOf)),
      acceptPeering: peeringChange('accept', (book) => this.#accept(book)),
      rejectPeering: peeringChange('reject', (book) => this.#reject(book)),
      deletePeering: peeringChange('delete', (book) => {
        if (
          book === null ||
          (OVER.includes(book.phase) && !this.capabilities.removableIn.includes(book.phase))
        )
          return;
        if (book.phase === 'deleting') return;
        if (
          !this.capabilities.removableIn.includes(book.phase) ||
          (book.phase === 'pending_platform' && cloud !== 'huawei')
        )
          throw cloudError('invalid_state', 'InvalidStateTransition', 'deletePeering');
        this.#delete(book, false);
      }),
      markPeering: (network, providerId, context) =>
        peeringChange('mark', (book) => {
          if (book === null) throw cloudError('not_found', 'NotFound', 'markPeering');
          book.mark = context.mark;
          this.#show(book);
        })(network, providerId, context),
      requestAttachment: notHere,
      withdrawAttachment: notHere,
      ensureRoute: (network, { routeTableId, destination, target }, context) =>
        this.change(
          line,
          { kind: 'ensure_route', providerId: target, route: { routeTableId, destination } },
          context,
          () => {
            const book = this.books.get(target);
            if (book?.phase !== 'active') throw cloudError('invalid_state', 'NotActive', 'ensureRoute');
            this.tablesOf(network).ensure(this.now, routeTableId, destination, target, context.mark);
            return { requestId: `req-${this.now}` };
          },
        ),
      removeRoute: (network, { routeTableId, destination, target }, context) =>
        this.change(
          line,
          { kind: 'remove_route', providerId: target, route: { routeTableId, destination } },
          context,
          () => {
            this.tablesOf(network).remove(this.now, routeTableId, destination, target);
            return { requestId: `req-${this.now}` };
          },
        ),
      close: () => undefined,
    };
  }

  #declared({ vpcId }: NetworkRef): PlatformNetwork | undefined {
    return this.networks.find((network) => network.vpcId === vpcId);
  }

  #accept(book: PeeringBook | null): void {
    if (book === null) throw cloudError('not_found', 'NotFound', 'acceptPeering');
    if (book.phase !== 'pending_platform')
      throw cloudError('invalid_state', 'InvalidStateTransition', 'acceptPeering');
    book.acceptedAt = this.now;
    const { accepting } = this.#habits;
    if (accepting === null) {
      this.#enter(book, 'active');
      return;
    }
    this.#enter(book, 'in_progress');
    this.around.scheduler.after(this.around.random.between(...accepting), null, () => {
      if (book.phase !== 'in_progress') return;
      if (this.cloud === 'aws' && this.around.faults.strikes('call_refused')) this.#end(book, 'failed', true);
      else this.#enter(book, 'active');
    });
  }

  #reject(book: PeeringBook | null): void {
    if (book === null || OVER.includes(book.phase)) return;
    if (book.phase !== 'pending_platform')
      throw cloudError('invalid_state', 'InvalidStateTransition', 'rejectPeering');
    this.#end(book, 'rejected', false);
  }

  #delete(book: PeeringBook, byOthers: boolean): void {
    if (byOthers) book.endedByOthersAt ??= this.now;
    const { deleting } = this.#habits;
    if (deleting === null) {
      this.#end(book, 'gone', byOthers);
      return;
    }
    this.#enter(book, 'deleting');
    this.around.scheduler.after(this.around.random.between(...deleting), null, () => {
      this.#end(book, 'gone', byOthers);
    });
  }

  #end(book: PeeringBook, phase: 'rejected' | 'expired' | 'failed' | 'gone', byOthers: boolean): void {
    if (byOthers) book.endedByOthersAt ??= this.now;
    this.#enter(book, phase);
    // What the platform may remove stays until it does.
    if (this.capabilities.removableIn.includes(phase)) return;
    this.around.scheduler.after(this.around.random.between(...this.#habits.lingering), null, () => {
      book.phase = 'gone';
      book.shown.set(this.now, null);
    });
  }

  #enter(book: PeeringBook, phase: ProviderPhase): void {
    this.around.trace(() => `cloud: ${book.id} ${book.phase} -> ${phase}`);
    book.phase = phase;
    this.#show(book);
  }

  #show(book: PeeringBook): void {
    book.shown.set(this.now, this.#render(book));
  }

  #render(book: PeeringBook): ObservedPeering {
    const { accepter, cidrs, expiresAt, id, mark, phase, requester } = book;
    const { account, region } = this.#habits.shows;
    const network = this.networks[0];
    const place = region && network !== undefined ? { region: network.region } : {};
    const isShown =
      this.capabilities.cidrObservable &&
      (phase === 'active' || this.capabilities.cidrVisibleWhilePending || this.showsEarly);
    const from: PeerSide = {
      [account]: requester.accountId,
      vpcId: requester.vpcId,
      ...place,
      cidrs: isShown ? cidrs : [],
    };
    return {
      providerId: id,
      phase,
      providerState: phase,
      requester: from,
      accepter: { ...accepter, ...place, cidrs: [] },
      ...(phase === 'pending_platform' && expiresAt !== null ? { expiresAt } : {}),
      ...(mark === null ? {} : { mark }),
    };
  }
}
