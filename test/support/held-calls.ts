/** A way to a simulator on which single calls can be held: before they arrive, or when only their answer is missing. */
import { createServer, request as forward, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

import { eventually } from './eventually.js';

export interface HeldCall {
  /** Which calls: all whose body contains every one of these texts. */
  readonly matching: readonly string[];
  /** `before`: it never arrives. `after`: it has its effect, and nobody hears of it. */
  readonly moment: 'before' | 'after';
}

export interface CallHolder {
  readonly url: string;
  /** Holds every call that matches from now on, for ever; answers with how to know that one is held. */
  hold(call: HeldCall): { isHeld(): boolean; untilHeld(): Promise<void> };
  /** Lets everything through from now on. What is held stays without an answer. */
  letGo(): void;
  close(): Promise<void>;
}

export async function holdCallsTo(simulatorUrl: string): Promise<CallHolder> {
  const holds: { readonly call: HeldCall; held: number }[] = [];

  const server = createServer((incoming, reply) => {
    void read(incoming).then(
      (body) => {
        const text = body.toString('latin1');
        const hold = holds.find(({ call }) => call.matching.every((part) => text.includes(part)));
        if (hold?.call.moment === 'before') {
          hold.held += 1;
          return;
        }
        const { headers, method, url = '/' } = incoming;
        const outgoing = forward(new URL(url, simulatorUrl), { method, headers }, (answer) => {
          void read(answer).then((answered) => {
            if (hold) hold.held += 1;
            else reply.writeHead(answer.statusCode ?? 502, answer.headers).end(answered);
          });
        });
        outgoing.on('error', () => reply.destroy());
        outgoing.end(body);
      },
      () => reply.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hold(call) {
      const hold = { call, held: 0 };
      holds.push(hold);
      const isHeld = (): boolean => hold.held > 0;
      const untilHeld = async (): Promise<void> => {
        await eventually(`a call with ${call.matching.join(', ')} is held`, isHeld);
      };
      return { isHeld, untilHeld };
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
