import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SimRequest, SimResponse } from './cloud-simulator.js';

/** Larger than any control request: a bulk seeding names its connections by rule, not one by one. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;

/** Reads a request to its end. Undefined when the client went away or sent more than 8 MiB. */
export async function readRequest(message: IncomingMessage): Promise<SimRequest | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of message as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) {
        message.destroy();
        return undefined;
      }
      chunks.push(chunk);
    }
  } catch {
    return undefined;
  }
  const url = message.url ?? '/';
  const mark = url.indexOf('?');
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(message.headers)) {
    headers[name] = Array.isArray(value) ? value.join(', ') : (value ?? '');
  }
  return {
    method: message.method ?? 'GET',
    path: mark < 0 ? url : url.slice(0, mark),
    query: mark < 0 ? '' : url.slice(mark + 1),
    headers,
    body: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks),
  };
}

/** Sends the response, unless the client is gone. A 204 goes without a body. */
export function sendResponse(to: ServerResponse, response: SimResponse): void {
  if (to.destroyed) return;
  const body = response.status === 204 ? '' : response.body;
  const length = response.status === 204 ? {} : { 'content-length': Buffer.byteLength(body) };
  to.writeHead(response.status, { ...response.headers, ...length });
  to.end(body);
}
