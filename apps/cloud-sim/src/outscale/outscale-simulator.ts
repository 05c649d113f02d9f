import { randomBytes, randomUUID } from 'node:crypto';
import { Accounts, type Account, type AccountAttributes, type Credential } from '../accounts.js';
import type {
  CloudSimulator,
  FaultAnswer,
  SimCall,
  SimRequest,
  SimResponse,
  SimulatorEnvironment,
} from '../cloud-simulator.js';
import { ControlError } from '../control-fields.js';
import { ACCOUNT_OPERATIONS } from './account.operations.js';
import { LockOuts, RateLimits } from './call-limits.js';
import { NET_OPERATIONS } from './net.operations.js';
import { NET_PEERING_OPERATIONS } from './net-peering.operations.js';
import type { OapiAnswer, OapiOperation, OapiOperations } from './oapi-operation.js';
import { parseBody, type OapiParameters } from './oapi-parameters.js';
import { outscaleControlOperations } from './outscale-control.js';
import { CODES, OutscaleError } from './outscale-error.js';
import { OutscaleState } from './outscale-state.js';
import { forgetPeeringsWhenPlanned, stateAt } from './peering-lifecycle.js';
import { readSignature, verifySignature, type ClaimedSignature } from './request-signature.js';
import { ROUTE_TABLE_OPERATIONS } from './route-table.operations.js';
import { SECURITY_GROUP_OPERATIONS } from './security-group.operations.js';
import { TAG_OPERATIONS } from './tag.operations.js';
import { forgetVmsWhenPlanned, VM_OPERATIONS } from './vm.operations.js';

const OPERATIONS: OapiOperations = {
  ...NET_OPERATIONS,
  ...NET_PEERING_OPERATIONS,
  ...ROUTE_TABLE_OPERATIONS,
  ...SECURITY_GROUP_OPERATIONS,
  ...TAG_OPERATIONS,
  ...VM_OPERATIONS,
  ...ACCOUNT_OPERATIONS,
};

/** `/api/v1/ReadNets`; a version may have a minor part, and `latest` is one. */
const PATH = /^\/api\/(?:v1(?:\.\d+)*|latest)\/(\w+)\/?$/i;

/** A call as read from its request, before its signature is verified. */
interface OutscaleCall extends SimCall {
  readonly signature: ClaimedSignature | undefined;
}

/** Who signed a request, and for which region. */
interface Caller {
  readonly account: Account;
  readonly region: string;
}

/** OUTSCALE: the OAPI (version 1) as JSON over POST, with Signature Version 4 for the service `api`. */
export function createOutscaleSimulator({ clock }: SimulatorEnvironment): CloudSimulator {
  const accounts = new Accounts();
  const state = new OutscaleState(clock);
  const lockOuts = new LockOuts();
  const rateLimits = new RateLimits();
  forgetPeeringsWhenPlanned(state);
  forgetVmsWhenPlanned(state);

  const authenticate = (request: SimRequest, { signature }: OutscaleCall): Caller => {
    if (signature !== undefined) lockOuts.check(signature.accessKeyId, clock.now());
    let credential: Credential;
    try {
      credential = verifySignature(request, signature, {
        credential: (accessKeyId) => accounts.credential(accessKeyId),
        wallNow: clock.wallNow(),
      });
    } catch (error) {
      if (signature !== undefined) lockOuts.failed(signature.accessKeyId, clock.now());
      throw error;
    }
    lockOuts.succeeded(credential.accessKeyId);
    const account = accounts.get(credential.accountId);
    if (account === undefined) throw new Error(`Account ${credential.accountId} has a key and is not there.`);
    return { account, region: signature?.region ?? '' };
  };

  const perform = (operation: OapiOperation, parameters: OapiParameters, caller: Caller): OapiAnswer => {
    const { account, region } = caller;
    parameters.allow(operation.parameters);
    const isDryRun = parameters.boolean('DryRun') === true;
    const { accountId } = account;
    const run = (): OapiAnswer =>
      operation.run({ state, parameters, account, accountId, region, now: clock.now() });
    if (operation.readOnly) return isDryRun ? {} : run();
    if (!isDryRun) return state.store.atomically(run);
    state.store.rehearse(run);
    return {};
  };

  const answer = (request: SimRequest, call: OutscaleCall): OapiAnswer => {
    if (request.method !== 'POST') throw invalidAction(`unsupported method '${request.method}'`);
    const caller = authenticate(request, call);
    const { accountId } = caller.account;
    rateLimits.count(accountId, call.operation, state.settings, clock.now());
    const operation = Object.hasOwn(OPERATIONS, call.operation) ? OPERATIONS[call.operation] : undefined;
    if (operation === undefined) throw invalidAction(`The action '${call.operation}' is unknown.`);
    if (accounts.isDenied(accountId, call.operation))
      throw new OutscaleError(CODES.notPermitted, 'The request is not authorized by a policy.');
    refuseOtherContent(request);
    return perform(operation, parseBody(request.body), caller);
  };

  return {
    id: 'outscale',
    accounts,
    store: state.store,
    controlOperations: outscaleControlOperations(state, accounts),

    identify(request): OutscaleCall {
      const operation = PATH.exec(request.path)?.[1] ?? '';
      const signature = readSignature(request);
      return {
        operation,
        accountId: signature && accounts.credential(signature.accessKeyId)?.accountId,
        region: signature?.region,
        readOnly: OPERATIONS[operation]?.readOnly ?? false,
        parameters: loggedParameters(request.body),
        signature,
      };
    },

    execute(request, identified) {
      try {
        return jsonResponse(200, answer(request, identified as OutscaleCall));
      } catch (error) {
        if (error instanceof OutscaleError) return errorResponse(error);
        throw error;
      }
    },

    answerFault: (fault) => errorResponse(faultError(fault)),

    completeAccount: (given) => completeAccount(given, accounts),

    books() {
      const now = clock.now();
      const netPeerings = [...state.peerings.values()].map((peering) => ({
        ...peering,
        state: stateAt(peering, now),
      }));
      return { ...state.store.dump(), netPeerings };
    },

    reset() {
      state.reset();
      lockOuts.clear();
      rateLimits.clear();
    },
  };
}

function refuseOtherContent({ headers, body }: SimRequest): void {
  const [type = ''] = (headers['content-type'] ?? '').split(';');
  if (body.length === 0 || type.trim().toLowerCase() === 'application/json') return;
  throw new OutscaleError(CODES.wrongContentType, "The content type must be 'application/json'.");
}

/** What a body says, for the call log; nothing of one that cannot be read. */
function loggedParameters(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = body.length === 0 ? {} : JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function invalidAction(details: string): OutscaleError {
  return new OutscaleError(CODES.invalidAction, details);
}

function errorResponse({ code, type, details, status }: OutscaleError): SimResponse {
  const response = jsonResponse(status, { Errors: [{ Code: code, Type: type, Details: details }] });
  return { ...response, errorCode: code };
}

function jsonResponse(status: number, answer: OapiAnswer): SimResponse {
  return {
    status,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...answer, ResponseContext: { RequestId: randomUUID() } }),
  };
}

function faultError({ kind, code, message, status }: FaultAnswer): OutscaleError {
  switch (kind) {
    case 'throttle':
      return new OutscaleError(code ?? CODES.callThrottled, message ?? 'Too many requests.', status);
    case 'server_error':
      return new OutscaleError(code ?? CODES.internal, message ?? 'An internal error occurred.', status);
    case 'error':
      return new OutscaleError(code ?? CODES.internal, message ?? 'An error was injected.', status);
  }
}

/** The two accounts that are always there have fixed ids and keys, so that a restart leaves configurations valid. */
const FIXED_ACCOUNTS: Readonly<Record<string, AccountAttributes>> = {
  platform: {
    accountId: '310000000001',
    accessKeyId: 'SIMULATEDPLATFORMOSC',
    secretAccessKey: 'simulated-platform-secret-access-key-outscale',
  },
  customer: {
    accountId: '310000000002',
    accessKeyId: 'SIMULATEDCUSTOMEROSC',
    secretAccessKey: 'simulated-customer-secret-access-key-outscale',
  },
};

const KEY_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

function completeAccount(given: AccountAttributes, accounts: Accounts): AccountAttributes {
  if (given.accountId !== undefined && !/^\d{12}$/.test(given.accountId)) {
    throw new ControlError(
      400,
      `Field "accountId" must be the 12 digits of an OUTSCALE account, not "${given.accountId}".`,
    );
  }
  const named = given.name === undefined ? undefined : FIXED_ACCOUNTS[given.name];
  const fixed = given.accountId === undefined || given.accountId === named?.accountId ? named : undefined;
  const key = Array.from(randomBytes(20), (byte) => KEY_ALPHABET.charAt(byte % KEY_ALPHABET.length));
  return {
    name: given.name,
    accountId: given.accountId ?? fixed?.accountId ?? newAccountId(accounts),
    accessKeyId: given.accessKeyId ?? fixed?.accessKeyId ?? key.join(''),
    secretAccessKey: given.secretAccessKey ?? fixed?.secretAccessKey ?? randomBytes(30).toString('base64'),
    attributes: given.attributes,
  };
}

function newAccountId(accounts: Accounts): string {
  for (;;) {
    const id = String(320_000_000_000 + (randomBytes(6).readUIntBE(0, 6) % 600_000_000_000));
    if (!accounts.get(id)) return id;
  }
}
