import {
  CloudError,
  type AttachmentRequest,
  type ChangeContext,
  type ChangeReceipt,
  type CloudConnectionOptions,
  type CloudConnector,
  type CloudId,
  type CloudPort,
  type NetworkRef,
  type ObservedNetwork,
  type ObservedPeering,
  type ObservedRouteTable,
  type RouteRef,
} from '#domain';

/**
 * A connector whose adapter, and with it the vendor's SDK, is loaded at the first call of the first port: a process
 * pays only for the clouds that it speaks to.
 */
export function deferred(cloud: CloudId, load: () => Promise<CloudConnector>): CloudConnector {
  return (options) => new DeferredPort(cloud, options, load);
}

class DeferredPort implements CloudPort {
  #port: Promise<CloudPort> | undefined;
  #closed = false;

  constructor(
    readonly cloud: CloudId,
    private readonly options: CloudConnectionOptions,
    private readonly load: () => Promise<CloudConnector>,
  ) {}

  describeNetwork(network: NetworkRef): Promise<ObservedNetwork> {
    return this.#with('describeNetwork', (port) => port.describeNetwork(network));
  }

  observePeerings(network: NetworkRef): Promise<ObservedPeering[]> {
    return this.#with('observePeerings', (port) => port.observePeerings(network));
  }

  observePeering(network: NetworkRef, providerId: string): Promise<ObservedPeering | null> {
    return this.#with('observePeering', (port) => port.observePeering(network, providerId));
  }

  observeRoutes(network: NetworkRef): Promise<ObservedRouteTable[]> {
    return this.#with('observeRoutes', (port) => port.observeRoutes(network));
  }

  acceptPeering(network: NetworkRef, providerId: string, context: ChangeContext): Promise<ChangeReceipt> {
    return this.#with('acceptPeering', (port) => port.acceptPeering(network, providerId, context));
  }

  rejectPeering(network: NetworkRef, providerId: string, context: ChangeContext): Promise<ChangeReceipt> {
    return this.#with('rejectPeering', (port) => port.rejectPeering(network, providerId, context));
  }

  deletePeering(network: NetworkRef, providerId: string, context: ChangeContext): Promise<ChangeReceipt> {
    return this.#with('deletePeering', (port) => port.deletePeering(network, providerId, context));
  }

  requestAttachment(
    network: NetworkRef,
    request: AttachmentRequest,
    context: ChangeContext,
  ): Promise<ChangeReceipt> {
    return this.#with('requestAttachment', (port) => port.requestAttachment(network, request, context));
  }

  withdrawAttachment(
    network: NetworkRef,
    request: AttachmentRequest,
    context: ChangeContext,
  ): Promise<ChangeReceipt> {
    return this.#with('withdrawAttachment', (port) => port.withdrawAttachment(network, request, context));
  }

  markPeering(network: NetworkRef, providerId: string, context: ChangeContext): Promise<ChangeReceipt> {
    return this.#with('markPeering', (port) => port.markPeering(network, providerId, context));
  }

  ensureRoute(network: NetworkRef, route: RouteRef, context: ChangeContext): Promise<ChangeReceipt> {
    return this.#with('ensureRoute', (port) => port.ensureRoute(network, route, context));
  }

  removeRoute(network: NetworkRef, route: RouteRef, context: ChangeContext): Promise<ChangeReceipt> {
    return this.#with('removeRoute', (port) => port.removeRoute(network, route, context));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#port?.then(
      (port) => port.close(),
      () => undefined,
    );
  }

  async #with<T>(operation: string, use: (port: CloudPort) => Promise<T>): Promise<T> {
    this.#assertOpen(operation);
    this.#port ??= this.load().then((connect) => connect(this.options));
    const port = await this.#port;
    this.#assertOpen(operation);
    return use(port);
  }

  /** @throws CloudError `transient`, because whoever asks again gets a port that is open */
  #assertOpen(operation: string): void {
    if (!this.#closed) return;
    throw new CloudError({
      category: 'transient',
      code: 'PortClosed',
      message: `this connection to ${this.cloud} was closed`,
      operation,
    });
  }
}
