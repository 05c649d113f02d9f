import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { CallLog } from './call-log.js';
import type { CloudSimulator, FaultAnswer, SimCall, SimRequest, SimResponse } from './cloud-simulator.js';
import type { FaultBook, FaultRule } from './faults.js';
import { readRequest, sendResponse } from './http-exchange.js';
import type { Staleness } from './state-store.js';
import type { VirtualClock } from './virtual-clock.js';

/** What serving a cloud needs beside the cloud itself. */
export interface CloudServerParts {
  readonly clock: VirtualClock;
  readonly faults: FaultBook;
  readonly calls: CallLog;
  /** Told after every call that was performed, before it is answered. */
  readonly onPerformed: () => void;
}

/** What became of one call: the answer, or none when the connection is to be closed. */
interface Outcome {
  readonly response: SimResponse | undefined;
  readonly performed: SimResponse | undefined;
  readonly tookEffect: boolean;
}

/** An HTTP server, not yet listening, that puts a cloud on the wire and faults in its way. */
export function createCloudServer(cloud: CloudSimulator, parts: CloudServerParts): Server {
  const serve = async (message: IncomingMessage, reply: ServerResponse): Promise<void> => {
    const request = await readRequest(message);
    if (request === undefined) return;
    const arrivedAt = new Date(parts.clock.now()).toISOString();
    const call = cloud.identify(request);
    const faults = parts.faults.strike(cloud.id, call);
    const latency = faults.reduce((sum, fault) => sum + (fault.kind === 'latency' ? (fault.ms ?? 0) : 0), 0);
    if (latency > 0) await delay(latency, undefined, { ref: false });
    const outcome = perform(cloud, request, call, faults);
    parts.calls.add({
      arrivedAt,
      at: new Date(parts.clock.now()).toISOString(),
      accountId: call.accountId ?? null,
      region: call.region ?? null,
      operation: call.operation,
      parameters: call.parameters,
      outcome: outcome.response ? (outcome.response.errorCode === undefined ? 'ok' : 'error') : 'dropped',
      status: (outcome.response ?? outcome.performed)?.status ?? null,
      errorCode: (outcome.response ?? outcome.performed)?.errorCode ?? null,
      tookEffect: outcome.tookEffect,
      faults: faults.map((fault) => fault.kind),
    });
    if (outcome.performed) parts.onPerformed();
    if (outcome.response) sendResponse(reply, outcome.response);
    else message.socket.destroy();
  };
  const server = createServer((message, reply) => {
    serve(message, reply).catch((error: unknown) => {
      process.stderr.write(`cloud-sim: ${cloud.id} failed on ${message.url ?? ''}: ${describe(error)}\n`);
      message.socket.destroy();
    });
  });
  // Longer than any SDK keeps an idle connection, so that the client is always the one to close it.
  server.keepAliveTimeout = 120_000;
  return server;
}

function perform(
  cloud: CloudSimulator,
  request: SimRequest,
  call: SimCall,
  faults: readonly FaultRule[],
): Outcome {
  const without = { performed: undefined, tookEffect: false };
  if (faults.some((fault) => fault.kind === 'drop_before')) return { response: undefined, ...without };
  const refusal = faults.find((fault) => isAnswer(fault.kind));
  if (refusal) return { response: cloud.answerFault(toAnswer(refusal), call), ...without };

  const { store } = cloud;
  store.beginTransaction();
  store.agenda.runDue();
  store.beginTransaction();
  const before = store.changeCount;
  const stale = faults.find((fault) => fault.kind === 'stale_read');
  const execute = (): SimResponse => cloud.execute(request, call);
  const performed = stale ? store.asOf(stalenessOf(stale), execute) : execute();
  const tookEffect = store.changeCount !== before;
  const isDropped = faults.some((fault) => fault.kind === 'drop_after');
  return { response: isDropped ? undefined : performed, performed, tookEffect };
}

function isAnswer(kind: FaultRule['kind']): kind is FaultAnswer['kind'] {
  return kind === 'throttle' || kind === 'server_error' || kind === 'error';
}

function toAnswer(rule: FaultRule): FaultAnswer {
  const kind = isAnswer(rule.kind) ? rule.kind : 'error';
  return { kind, code: rule.code, message: rule.message, status: rule.status };
}

function stalenessOf(rule: FaultRule): Staleness {
  return rule.ms === undefined ? 'before_last_change' : { ms: rule.ms };
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
