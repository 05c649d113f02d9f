/** A line to a server that can be cut, fall silent, and lead to another server. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface TcpProxy {
  readonly port: number;
  /** The address of something behind the proxy, as it is in front of it. */
  inFront(url: string): string;
  /** Ends every connection that there is. */
  cut(): void;
  /** From now on nobody gets through; those who are are cut. Undone by {@link leadTo}. */
  close(): void;
  /** Every connection that there is stays open and carries nothing any more, as when a machine vanishes. */
  silence(): void;
  /** Where new connections lead from now on. */
  leadTo(port: number): void;
  connections(): number;
  end(): Promise<void>;
}

/** @param rewrite what becomes of each answer, by the number of its connection */
export async function startTcpProxy(
  target: number,
  rewrite: (answer: Buffer, connection: number) => Buffer = (answer) => answer,
): Promise<TcpProxy> {
  let to: number | null = target;
  let count = 0;
  const pairs = new Map<Socket, Socket>();
  const cut = (): void => {
    for (const [near, far] of pairs) {
      near.destroy();
      far.destroy();
    }
    pairs.clear();
  };
  const server = createServer((near) => {
    near.on('error', () => undefined);
    if (to === null) {
      near.destroy();
      return;
    }
    count += 1;
    const number = count;
    const far = connect(to, '127.0.0.1');
    pairs.set(near, far);
    near.on('data', (chunk) => far.write(chunk));
    far.on('data', (chunk) => near.write(rewrite(chunk, number)));
    far.on('error', () => undefined);
    near.on('close', () => {
      pairs.delete(near);
      far.destroy();
    });
    far.on('close', () => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    inFront: (url) => {
      const changed = new URL(url);
      changed.hostname = '127.0.0.1';
      changed.port = String(port);
      return changed.href;
    },
    cut,
    close: () => {
      to = null;
      cut();
    },
    silence: () => {
      for (const [near, far] of pairs) {
        near.removeAllListeners('data').resume();
        far.removeAllListeners('data').removeAllListeners('close').resume();
      }
    },
    leadTo: (next) => {
      to = next;
    },
    connections: () => pairs.size,
    end: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
