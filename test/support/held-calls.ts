/** A way to a simulator on which single calls can be held: before they arrive, or when only their answer is missing. */
import { createServer, request as forward, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

import { eventually } from './eventually.js';

export interface HeldCall {
  /** Which calls: all whose body contains every one of these texts. */
  readonly matching: readonly string[];
  /** `before`: it never arrives. `after`: it has its effect, and nobody hears of it. */
  readonly moment: 'before' | 'after';
  /** How many are held; the others pass. All when absent. */
  readonly times?: number;
}

export interface Hold {
  isHeld(): boolean;
  untilHeld(limitMs?: number): Promise<void>;
  /** Lets those that are held go where they were going, however late that is. */
  release(): void;
}

export interface CallHolder {
  readonly url: string;
  /** Holds every call that matches from now on, until it is released; answers with how to know that one is held. */
  hold(call: HeldCall): Hold;
  /** Lets everything through from now on. What is held stays without an answer. */
  letGo(): void;
  close(): Promise<void>;
}

export async function holdCallsTo(simulatorUrl: string): Promise<CallHolder> {
  const holds: { readonly call: HeldCall; readonly held: (() => void)[]; struck: number }[] = [];

  const server = createServer((incoming, reply) => {
    void read(incoming).then(
      (body) => {
        const text = body.toString('latin1');
        const hold = holds.find(
          ({ call, struck }) =>
            struck < (call.times ?? Infinity) && call.matching.every((part) => text.includes(part)),
        );
        if (hold) hold.struck += 1;
        const { headers, method, url = '/' } = incoming;
        const pass = (): void => {
          const outgoing = forward(new URL(url, simulatorUrl), { method, headers }, (answer) => {
            void read(answer).then((answered) => {
              const tell = (): void =>
                void reply.writeHead(answer.statusCode ?? 502, answer.headers).end(answered);
              if (hold?.call.moment === 'after') hold.held.push(tell);
              else tell();
            });
          });
          outgoing.on('error', () => reply.destroy());
          outgoing.end(body);
        };
        if (hold?.call.moment === 'before') hold.held.push(pass);
        else pass();
      },
      () => reply.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hold(call) {
      const hold = { call, held: [] as (() => void)[], struck: 0 };
      holds.push(hold);
      const isHeld = (): boolean => hold.held.length > 0;
      const untilHeld = async (limitMs?: number): Promise<void> => {
        await eventually(`a call with ${call.matching.join(', ')} is held`, isHeld, limitMs);
      };
      const release = (): void => {
        for (const go of hold.held.splice(0)) go();
      };
      return { isHeld, untilHeld, release };
    },
    letGo() {
      holds.length = 0;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function read(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
