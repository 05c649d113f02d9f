import { createServer, type Server } from 'node:http';
import { CLOUD_IDS, type CloudId, type SimRequest, type SimResponse } from './cloud-simulator.js';
import { ControlError, readFields, type FieldSpecs } from './control-fields.js';
import { FAULT_KINDS } from './faults.js';
import { readRequest, sendResponse } from './http-exchange.js';
import type { RunningCloud, Simulators } from './running-simulators.js';

const CLOCK_FIELDS = {
  now: { type: 'string' },
  advanceSeconds: { type: 'number' },
  frozen: { type: 'boolean' },
} as const satisfies FieldSpecs;

const FAULT_FIELDS = {
  cloud: { type: 'string', values: CLOUD_IDS },
  accountId: { type: 'string' },
  operation: { type: 'string' },
  kind: { type: 'string', values: FAULT_KINDS, required: true },
  ms: { type: 'integer', min: 0, max: 600_000 },
  times: { type: 'integer', min: 1 },
  probability: { type: 'number', min: 0, max: 1 },
  seed: { type: 'integer' },
  code: { type: 'string' },
  message: { type: 'string' },
  status: { type: 'integer', min: 200, max: 599 },
} as const satisfies FieldSpecs;

const ACCOUNT_FIELDS = {
  cloud: { type: 'string', values: CLOUD_IDS, required: true },
  accountId: { type: 'string' },
  name: { type: 'string' },
  accessKeyId: { type: 'string' },
  secretAccessKey: { type: 'string' },
  attributes: { type: 'object' },
} as const satisfies FieldSpecs;

const PERMISSION_FIELDS = {
  accountId: { type: 'string', required: true },
  operation: { type: 'string', required: true },
  denied: { type: 'boolean' },
} as const satisfies FieldSpecs;

const KEY_FIELDS = { accessKeyId: { type: 'string', required: true } } as const satisfies FieldSpecs;

/**
 * An HTTP server, not yet listening, that answers `/_sim/…` in JSON. Errors are `{"error": "…"}`.
 * @param onPerformed told after every request, before it is answered
 */
export function createControlServer(simulators: Simulators, onPerformed: () => void): Server {
  const answer = (request: SimRequest): SimResponse => {
    try {
      return json(200, route(simulators, request));
    } catch (error) {
      if (error instanceof ControlError) return json(error.status, { error: error.message });
      if (error instanceof RangeError) return json(409, { error: error.message });
      throw error;
    }
  };
  return createServer((message, reply) => {
    void readRequest(message).then((request) => {
      if (request === undefined) return;
      try {
        const response = answer(request);
        onPerformed();
        sendResponse(reply, response);
      } catch (error) {
        sendResponse(reply, json(500, { error: error instanceof Error ? error.message : String(error) }));
      }
    });
  });
}

function json(status: number, value: unknown): SimResponse {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value ?? {}) };
}

function route(simulators: Simulators, request: SimRequest): unknown {
  const [root, first, ...rest] = request.path.split('/').filter((segment) => segment !== '');
  if (root !== '_sim')
    throw new ControlError(404, `There is nothing at ${request.path}: the control API is under /_sim.`);
  if (first === undefined) return index(simulators);
  if (first === 'clock' && rest.length === 0) return clock(simulators, request);
  if (first === 'faults' && rest.length <= 1) return faults(simulators, request, rest[0]);
  if (first === 'accounts' && rest.length === 0) return accounts(simulators, request);
  if (first === 'reset' && rest.length === 0) {
    allow(request, 'POST');
    simulators.reset();
    return {};
  }
  const running = simulators.clouds.get(first as CloudId);
  if (running && rest.length === 1) return cloud(running, request, rest[0] as string);
  throw new ControlError(404, `There is nothing at ${request.path}: GET /_sim lists what there is.`);
}

function index(simulators: Simulators): unknown {
  return {
    clock: showClock(simulators),
    operations: [
      'GET /_sim/clock',
      'PUT /_sim/clock',
      'GET /_sim/faults',
      'POST /_sim/faults',
      'DELETE /_sim/faults',
      'DELETE /_sim/faults/{id}',
      'GET /_sim/accounts?cloud=',
      'POST /_sim/accounts',
      'POST /_sim/reset',
      'GET /_sim/{cloud}/books',
      'GET /_sim/{cloud}/calls?operation=&accountId=',
      'DELETE /_sim/{cloud}/calls',
      'POST /_sim/{cloud}/permissions',
      'POST /_sim/{cloud}/revoke-key',
    ],
    clouds: Object.fromEntries(
      [...simulators.clouds].map(([id, { endpoint, simulator }]) => [
        id,
        {
          endpoint,
          controlOperations: Object.fromEntries(
            Object.entries(simulator.controlOperations).map(([name, operation]) => [
              name,
              { summary: operation.summary, fields: operation.fields },
            ]),
          ),
        },
      ]),
    ),
  };
}

function showClock({ clock }: Simulators): unknown {
  return {
    now: new Date(clock.now()).toISOString(),
    wallNow: new Date(clock.wallNow()).toISOString(),
    frozen: clock.frozen,
  };
}

function clock(simulators: Simulators, request: SimRequest): unknown {
  allow(request, 'GET', 'PUT');
  if (request.method === 'PUT') {
    const { now, advanceSeconds, frozen } = readFields(parse(request), CLOCK_FIELDS);
    if (now !== undefined && advanceSeconds !== undefined) {
      throw new ControlError(400, 'Give "now" or "advanceSeconds", not both.');
    }
    const at = now === undefined ? undefined : Date.parse(now);
    if (Number.isNaN(at))
      throw new ControlError(400, `Field "now" must be an ISO 8601 time, not "${now ?? ''}".`);
    if (frozen === true) simulators.clock.freeze();
    if (frozen === false) simulators.clock.resume();
    if (at !== undefined) simulators.clock.set(at);
    if (advanceSeconds !== undefined) simulators.clock.advance(advanceSeconds * 1000);
  }
  return showClock(simulators);
}

function faults(simulators: Simulators, request: SimRequest, id: string | undefined): unknown {
  const book = simulators.faults;
  if (id !== undefined) {
    allow(request, 'DELETE');
    if (!book.remove(id)) throw new ControlError(404, `There is no fault ${id}.`);
    return {};
  }
  allow(request, 'GET', 'POST', 'DELETE');
  if (request.method === 'GET') return { faults: book.list() };
  if (request.method === 'DELETE') {
    book.clear();
    return {};
  }
  const rule = readFields(parse(request), FAULT_FIELDS);
  if (rule.kind === 'error' && rule.code === undefined)
    throw new ControlError(400, 'A fault of kind "error" needs "code".');
  if (rule.kind === 'latency' && rule.ms === undefined)
    throw new ControlError(400, 'A fault of kind "latency" needs "ms".');
  return book.add(rule);
}

function accounts(simulators: Simulators, request: SimRequest): unknown {
  allow(request, 'GET', 'POST');
  if (request.method === 'GET') {
    const wanted = new URLSearchParams(request.query).get('cloud');
    const listed = [...simulators.clouds].filter(([id]) => wanted === null || id === wanted);
    return {
      accounts: listed.flatMap(([id, { simulator }]) =>
        simulator.accounts.list().map((account) => ({ cloud: id, ...account })),
      ),
    };
  }
  const { cloud: id, attributes, ...given } = readFields(parse(request), ACCOUNT_FIELDS);
  if (!simulators.clouds.has(id)) throw new ControlError(409, `The simulator of ${id} is not running.`);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value !== 'string') throw new ControlError(400, `Attribute "${name}" must be a string.`);
  }
  const account = simulators.putAccount(id, {
    ...given,
    attributes: attributes as Record<string, string> | undefined,
  });
  return { cloud: id, ...account };
}

function cloud({ simulator, calls }: RunningCloud, request: SimRequest, name: string): unknown {
  if (name === 'books') {
    allow(request, 'GET');
    simulator.store.beginTransaction();
    simulator.store.agenda.runDue();
    return simulator.books();
  }
  if (name === 'calls') {
    allow(request, 'GET', 'DELETE');
    if (request.method === 'DELETE') {
      calls.clear();
      return {};
    }
    const query = new URLSearchParams(request.query);
    const where = {
      operation: query.get('operation') ?? undefined,
      accountId: query.get('accountId') ?? undefined,
    };
    return { calls: calls.list(where) };
  }
  allow(request, 'POST');
  if (name === 'permissions') {
    const { accountId, operation, denied } = readFields(parse(request), PERMISSION_FIELDS);
    simulator.accounts.setDenied(accountId, operation, denied ?? true);
    return { accountId, operation, denied: denied ?? true };
  }
  if (name === 'revoke-key') {
    const { accessKeyId } = readFields(parse(request), KEY_FIELDS);
    if (!simulator.accounts.revokeKey(accessKeyId))
      throw new ControlError(404, `There is no access key ${accessKeyId}.`);
    return { accessKeyId };
  }
  const operation = simulator.controlOperations[name];
  if (operation === undefined) {
    const known = ['permissions', 'revoke-key', ...Object.keys(simulator.controlOperations)].join(', ');
    throw new ControlError(404, `${simulator.id} has no control operation "${name}"; it has ${known}.`);
  }
  const body = parse(request);
  simulator.store.agenda.runDue();
  simulator.store.beginTransaction();
  return operation.run(body);
}

function allow(request: SimRequest, ...methods: readonly string[]): void {
  if (!methods.includes(request.method)) {
    throw new ControlError(405, `${request.path} takes ${methods.join(' or ')}, not ${request.method}.`);
  }
}

function parse(request: SimRequest): unknown {
  if (request.body.length === 0) return {};
  try {
    return JSON.parse(request.body.toString('utf8'));
  } catch {
    throw new ControlError(400, 'The body is not valid JSON.');
  }
}
