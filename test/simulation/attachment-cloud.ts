/** The model of the cloud where the platform asks to join the customer's network and the customer approves (Tencent). */
import {
  profileOf,
  type AttachmentRequest,
  type ChangeReceipt,
  type CloudPort,
  type NetworkRef,
  type ObservedPeering,
  type ObservedRouteTable,
  type PlatformNetwork,
  type ProviderPhase,
} from '#domain';

import { cloudError, CloudModel, Timeline, type CloudSurroundings, type Line } from './cloud-model.js';

/** A customer's network of networks. */
export interface Ccn {
  readonly id: string;
  readonly ownerId: string;
  cidrs: readonly string[];
}

/** An application or attachment of a platform VPC in the cloud's books: at most one for each CCN. */
export interface AttachmentBook {
  readonly ccn: Ccn;
  readonly vpcId: string;
  phase: ProviderPhase;
  /** The connection for which the broker applied; null: somebody else did. */
  mark: string | null;
  /** When the latest application was made. */
  appliedAt: number;
  /** When the customer approved the latest application. */
  approvedAt: number | null;
  /** When it last came to an end by somebody else than the broker. */
  endedByOthersAt: number | null;
  readonly shown: Timeline<ObservedPeering | null>;
}

const SPENT: readonly ProviderPhase[] = ['rejected', 'expired', 'failed', 'gone'];
/** How soon an application that nobody answers expires, in milliseconds; null: never. */
export type Expiry = number | null;

export class AttachmentCloud extends CloudModel {
  readonly books = new Map<string, AttachmentBook>();
  readonly ccns = new Map<string, Ccn>();

  constructor(
    private readonly networks: readonly PlatformNetwork[],
    around: CloudSurroundings,
    private readonly expiry: Expiry,
    private readonly told: {
      /** Somebody of the platform has applied. */
      readonly applied: (book: AttachmentBook) => void;
      /** A customer has turned down or ended something. */
      readonly refused: (book: AttachmentBook) => void;
    },
  ) {
    super('tencent', profileOf('tencent').capabilities, around);
  }

  at(ccnId: string, vpcId: string): AttachmentBook | null {
    const book = this.books.get(`${ccnId} ${vpcId}`);
    return book === undefined || book.phase === 'gone' ? null : book;
  }

  // What customers and others do

  approve(ccnId: string, vpcId: string): void {
    const book = this.at(ccnId, vpcId);
    if (book?.phase !== 'pending_customer') return;
    book.approvedAt = this.now;
    this.#attach(book);
  }

  /** The customer turns an application down, or detaches what has joined. */
  refuse(ccnId: string, vpcId: string): void {
    const book = this.at(ccnId, vpcId);
    if (book === null) return;
    if (book.phase === 'pending_customer') this.#enter(book, 'rejected');
    else if (book.phase === 'active') this.#detach(book);
    else return;
    book.endedByOthersAt = this.now;
    this.told.refused(book);
  }

  /** A customer's network gets other blocks. */
  changeBlocks(ccnId: string, cidrs: readonly string[]): void {
    const ccn = this.ccns.get(ccnId);
    if (ccn === undefined) return;
    ccn.cidrs = cidrs;
    for (const book of this.books.values()) if (book.ccn === ccn && book.phase !== 'gone') this.#show(book);
  }

  /** Somebody else of the platform's account applies or attaches. */
  applyAsForeigner(ccnId: string, vpcId: string): void {
    const ccn = this.ccns.get(ccnId);
    if (ccn === undefined || this.#othersOf(vpcId, null).length > 0) return;
    this.#apply(ccn, vpcId, null);
  }

  // What the platform sees and does

  trueSightOf({ vpcId }: NetworkRef): readonly ObservedPeering[] {
    return this.#booksOf(vpcId).map((book) => this.#render(book));
  }

  trueRoutes({ vpcId }: NetworkRef): readonly ObservedRouteTable[] {
    return this.#booksOf(vpcId).flatMap(({ ccn, phase }) => (phase === 'active' ? [learned(ccn)] : []));
  }

  port(line: Line, own: PlatformNetwork): CloudPort {
    const notHere = (): Promise<ChangeReceipt> =>
      Promise.reject(cloudError('precondition', 'PlatformInitiated', 'acceptPeering'));
    const shownOf = (vpcId: string, asOf: () => number, ccnId?: string): ObservedPeering[] =>
      [...this.books.values()].flatMap((book) =>
        book.vpcId === vpcId && (ccnId ?? book.ccn.id) === book.ccn.id ? (book.shown.asOf(asOf()) ?? []) : [],
      );
    return {
      cloud: 'tencent',
      describeNetwork: (network) =>
        this.describe(line, this.networks.find(({ vpcId }) => vpcId === network.vpcId) ?? own),
      observePeerings: ({ vpcId }) => this.look(line, 'observePeerings', (asOf) => shownOf(vpcId, asOf)),
      observePeering: ({ vpcId }, providerId) =>
        this.look(
          line,
          `observePeering ${providerId}`,
          (asOf) => shownOf(vpcId, asOf, providerId)[0] ?? null,
        ),
      observeRoutes: ({ vpcId }) =>
        this.look(line, 'observeRoutes', (asOf) =>
          shownOf(vpcId, asOf).flatMap(({ phase, providerId }) => {
            const ccn = this.ccns.get(providerId);
            return phase === 'active' && ccn !== undefined ? [learned(ccn)] : [];
          }),
        ),
      acceptPeering: notHere,
      rejectPeering: notHere,
      deletePeering: notHere,
      requestAttachment: ({ vpcId }, request, context) =>
        this.change(
          line,
          { kind: 'request_attachment', providerId: request.providerId, route: null },
          context,
          () => this.#request(vpcId, request, context.mark),
        ),
      withdrawAttachment: ({ vpcId }, { providerId }, context) =>
        this.change(line, { kind: 'withdraw_attachment', providerId, route: null }, context, () => {
          const book = this.at(providerId, vpcId);
          if (book === null || book.phase === 'deleting') return {};
          if (book.phase === 'in_progress')
            throw cloudError('conflict', 'MutexOperationTaskRunning', 'withdrawAttachment');
          if (book.phase === 'active') this.#detach(book);
          else this.#vanish(book);
          return { requestId: `req-${this.now}` };
        }),
      markPeering: ({ vpcId }, providerId, context) =>
        this.change(line, { kind: 'mark', providerId, route: null }, context, () => {
          const book = this.at(providerId, vpcId);
          if (book === null) throw cloudError('not_found', 'CcnNotAttached', 'markPeering');
          book.mark = context.mark;
          this.#show(book);
          return {};
        }),
      ensureRoute: notHere,
      removeRoute: notHere,
      close: () => undefined,
    };
  }

  /** As the adapter asks: its own application that has ended is made again, another one's that has ended replaced. */
  #request(vpcId: string, { ownerAccountId, providerId }: AttachmentRequest, mark: string): ChangeReceipt {
    const ccn = this.ccns.get(providerId);
    if (ccn?.ownerId !== ownerAccountId) {
      const reason = ccn === undefined ? 'peer_network_not_found' : 'unknown_peer_account';
      throw cloudError('not_found', 'ResourceNotFound', 'requestAttachment', { reason });
    }
    const known = this.at(providerId, vpcId);
    if (known !== null && !SPENT.includes(known.phase)) {
      if (known.mark === mark && known.phase !== 'deleting') return {};
      const reason = known.phase === 'deleting' ? {} : ({ reason: 'attachment_exists' } as const);
      throw cloudError('conflict', 'CcnAttached', 'requestAttachment', reason);
    }
    if (known?.phase === 'failed')
      throw cloudError('conflict', 'MutexOperationTaskRunning', 'requestAttachment');
    if (this.#othersOf(vpcId, providerId).length > 0) {
      throw cloudError('quota', 'LimitExceeded', 'requestAttachment', { reason: 'attachment_exists' });
    }
    this.#apply(ccn, vpcId, mark);
    return { requestId: `req-${this.now}` };
  }

  #booksOf(vpcId: string): AttachmentBook[] {
    return [...this.books.values()].filter((book) => book.vpcId === vpcId && book.phase !== 'gone');
  }

  /** A VPC joins one CCN only, and asks to join one only. */
  #othersOf(vpcId: string, exceptCcnId: string | null): AttachmentBook[] {
    return this.#booksOf(vpcId).filter(({ ccn, phase }) => ccn.id !== exceptCcnId && !SPENT.includes(phase));
  }

  #apply(ccn: Ccn, vpcId: string, mark: string | null): void {
    const { expiry, now } = this;
    const key = `${ccn.id} ${vpcId}`;
    const before = this.books.get(key);
    const shown = before?.shown ?? new Timeline<ObservedPeering | null>(null);
    const book: AttachmentBook = {
      ccn,
      vpcId,
      phase: 'pending_customer',
      mark,
      appliedAt: now,
      approvedAt: null,
      endedByOthersAt: null,
      shown,
    };
    this.books.set(key, book);
    this.#enter(book, 'pending_customer');
    this.told.applied(book);
    if (expiry === null) return;
    this.around.scheduler.after(expiry, null, () => {
      if (this.books.get(key) !== book || book.phase !== 'pending_customer') return;
      book.endedByOthersAt = this.now;
      this.#enter(book, 'expired');
    });
  }

  #attach(book: AttachmentBook): void {
    this.#enter(book, 'in_progress');
    this.around.scheduler.after(this.around.random.between(200, 4_000), null, () => {
      if (book.phase !== 'in_progress') return;
      // What a foreigner leaves behind is nothing that the broker could see to.
      if (book.mark !== null && this.around.faults.strikes('call_refused')) {
        book.endedByOthersAt = this.now;
        this.#enter(book, 'failed');
      } else this.#enter(book, 'active');
    });
  }

  #detach(book: AttachmentBook): void {
    this.#enter(book, 'deleting');
    this.around.scheduler.after(this.around.random.between(200, 3_000), null, () => this.#vanish(book));
  }

  #vanish(book: AttachmentBook): void {
    this.around.trace(() => `cloud: ${book.ccn.id} ${book.phase} -> gone`);
    book.phase = 'gone';
    book.shown.set(this.now, null);
  }

  #enter(book: AttachmentBook, phase: ProviderPhase): void {
    this.around.trace(() => `cloud: ${book.ccn.id} ${phase} (of ${book.mark ?? 'a foreigner'})`);
    book.phase = phase;
    this.#show(book);
  }

  #show(book: AttachmentBook): void {
    book.shown.set(this.now, this.#render(book));
  }

  #render({ appliedAt, ccn, mark, phase, vpcId }: AttachmentBook): ObservedPeering {
    const network = this.networks.find((each) => each.vpcId === vpcId);
    const { accountId = '', region = '' } = network ?? {};
    return {
      providerId: ccn.id,
      phase,
      providerState: phase,
      requester: { accountId, vpcId, region, cidrs: [] },
      accepter: { accountId: ccn.ownerId, vpcId: ccn.id, cidrs: phase === 'active' ? ccn.cidrs : [] },
      incarnation: String(appliedAt),
      ...(mark === null ? {} : { mark }),
    };
  }
}

function learned({ cidrs, id }: Ccn): ObservedRouteTable {
  const routes = cidrs.map((destination) => ({ destination, target: id, state: 'active' as const }));
  return { routeTableId: id, main: true, routes };
}
