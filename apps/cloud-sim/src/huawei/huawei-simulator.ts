import { randomBytes } from 'node:crypto';
import { Accounts, type AccountAttributes } from '../accounts.js';
import type {
  CloudSimulator,
  FaultAnswer,
  SimCall,
  SimRequest,
  SimResponse,
  SimulatorEnvironment,
} from '../cloud-simulator.js';
import { ControlError } from '../control-fields.js';
import { huaweiControlOperations } from './huawei-control.js';
import { errorBody, HuaweiError, unauthenticated, type ErrorEnvelope } from './huawei-error.js';
import { hexId, projectOf, type Project } from './huawei-projects.js';
import { HuaweiState } from './huawei-state.js';
import { IDENTITY_OPERATIONS, randomKey } from './identity.operations.js';
import { forgetPeeringsWhenPlanned, statusAt } from './peering-lifecycle.js';
import { PEERING_OPERATIONS } from './peering.operations.js';
import { JsonFields, OperationTable, type RestAnswer, type RestOperation } from './rest-operation.js';
import { ROUTE_TABLE_OPERATIONS } from './route-table.operations.js';
import { readSignature, verifySignature, type ClaimedSignature } from './sdk-signature.js';
import { SECURITY_GROUP_OPERATIONS } from './security-group.operations.js';
import { VPC_OPERATIONS } from './vpc.operations.js';

const OPERATIONS = new OperationTable([
  ...PEERING_OPERATIONS,
  ...ROUTE_TABLE_OPERATIONS,
  ...VPC_OPERATIONS,
  ...SECURITY_GROUP_OPERATIONS,
  ...IDENTITY_OPERATIONS,
]);

/** A call as read from its request, before its signature is verified. */
interface HuaweiCall extends SimCall {
  readonly found: { operation: RestOperation; path: Readonly<Record<string, string>> } | undefined;
  readonly signature: ClaimedSignature | undefined;
}

/**
 * Huawei Cloud: the VPC API v1 and v3, the native v2.0 API of peerings, and what is needed of IAM v3 and STS v5, REST
 * in JSON on one endpoint, signed with SDK-HMAC-SHA256. The region is that of the project that a call names, in its
 * path or in X-Project-Id; the account's main project where it names none.
 */
export function createHuaweiSimulator({ clock }: SimulatorEnvironment): CloudSimulator {
  const accounts = new Accounts();
  const state = new HuaweiState(clock);
  forgetPeeringsWhenPlanned(state);

  const execute = (request: SimRequest, call: HuaweiCall): RestAnswer => {
    const credential = verifySignature(request, call.signature, {
      credential: (accessKeyId) => accounts.credential(accessKeyId),
      wallNow: clock.wallNow(),
      now: clock.now(),
    });
    const account = accounts.get(credential.accountId);
    if (account === undefined) throw unauthenticated('the account is gone');
    if (call.found === undefined) {
      throw new HuaweiError(404, 'APIGW.0101', 'The API does not exist or has not been published', 'gateway');
    }
    const { operation, path } = call.found;
    const project = namedProject(account, request, path);
    if (accounts.isDenied(account.accountId, operation.name)) throw forbidden(operation);
    const query = new URLSearchParams(request.query);
    const body = JsonFields.parse(request.body);
    const base = `http://${request.headers['host'] ?? ''}`;
    const restCall = {
      state,
      accounts,
      account,
      credential,
      project,
      path,
      query,
      body,
      base,
      now: clock.now(),
    };
    const run = (): RestAnswer => operation.run(restCall);
    return operation.method === 'GET' ? run() : state.store.atomically(run);
  };

  return {
    id: 'huawei',
    accounts,
    store: state.store,
    controlOperations: huaweiControlOperations(state, accounts),

    identify(request): HuaweiCall {
      const found = OPERATIONS.find(request.method, request.path);
      const signature = readSignature(request);
      const accountId = signature && accounts.credential(signature.accessKeyId)?.accountId;
      const projectId = found?.path['project_id'] ?? request.headers['x-project-id'];
      const account = accountId === undefined ? undefined : accounts.get(accountId);
      return {
        operation: found?.operation.name ?? '',
        accountId,
        region: account && projectOf(account, projectId ?? account.accountId)?.region,
        readOnly: request.method === 'GET',
        parameters: {
          ...found?.path,
          ...Object.fromEntries(new URLSearchParams(request.query)),
          ...(request.body.length === 0 ? {} : { body: readable(request.body) }),
        },
        found,
        signature,
      };
    },

    execute(request, identified) {
      const call = identified as HuaweiCall;
      try {
        const { status, body } = execute(request, call);
        return answer(status, body, newRequestId());
      } catch (error) {
        if (error instanceof HuaweiError) return answerError(error, call);
        throw error;
      }
    },

    answerFault: (fault, call) => answerError(faultError(fault), call as HuaweiCall),

    completeAccount: (given) => completeAccount(given, accounts),

    books() {
      const now = clock.now();
      const peerings = [...state.peerings.values()].map((peering) => ({
        ...peering,
        status: statusAt(peering, now),
      }));
      return { ...state.store.dump(), peerings };
    },

    reset: () => state.reset(),
  };
}

/** The body for the call log, without what the temporary keys of an agency hang on. */
function readable(body: Buffer): unknown {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).filter(([name]) => name !== 'external_id'));
  } catch {
    return '(not JSON)';
  }
}

function namedProject(
  account: { accountId: string },
  { headers }: SimRequest,
  path: Readonly<Record<string, string>>,
): Project {
  const header = headers['x-project-id'];
  const inPath = path['project_id'];
  const project = projectOf(account, inPath ?? header ?? account.accountId);
  if (project !== undefined) return project;
  if (inPath !== undefined) throw new HuaweiError(400, 'VPC.0007', 'urlTenantId is not equal tokenTenantId');
  throw unauthenticated('the project id does not belong to the access key');
}

function forbidden({ envelope, name }: RestOperation): HuaweiError {
  return envelope === 'neutron'
    ? new HuaweiError(403, 'PolicyNotAuthorized', `Policy doesn't allow ${name} to be performed.`)
    : new HuaweiError(403, 'VPC.2201', `Policy doesn't allow ${name} to be performed.`);
}

function newRequestId(): string {
  return randomBytes(16).toString('hex');
}

function answer(status: number, body: RestAnswer['body'], requestId: string): SimResponse {
  return {
    status,
    headers: { 'content-type': 'application/json', 'x-request-id': requestId },
    body: body === null ? '' : JSON.stringify(body),
  };
}

function answerError(error: HuaweiError, call: HuaweiCall): SimResponse {
  const requestId = newRequestId();
  const envelope: ErrorEnvelope = error.envelope ?? call.found?.operation.envelope ?? 'gateway';
  return {
    ...answer(error.status, errorBody(envelope, error, requestId), requestId),
    errorCode: error.code,
  };
}

function faultError({ kind, code, message, status }: FaultAnswer): HuaweiError {
  switch (kind) {
    case 'throttle':
      return new HuaweiError(
        status ?? 429,
        code ?? 'APIGW.0308',
        message ?? 'The throttling threshold has been reached: policy user over ratelimit',
        'gateway',
      );
    case 'server_error':
      return new HuaweiError(
        status ?? 503,
        code ?? 'APIGW.0202',
        message ?? 'Backend unavailable',
        'gateway',
      );
    case 'error':
      return new HuaweiError(status ?? 400, code ?? 'VPC.0101', message ?? 'An error was injected.');
  }
}

/** The two accounts that are always there have fixed ids and keys, so that a restart leaves configurations valid. */
const FIXED_ACCOUNTS: Readonly<Record<string, AccountAttributes>> = {
  platform: {
    accountId: '05a1b2c3d4e5f60718293a4b5c6d7e8f',
    accessKeyId: 'HPUASIMULATEDPLATFRM',
    secretAccessKey: 'simulated-platform-secret-access-key-huawei',
  },
  customer: {
    accountId: '0c9f8e7d6c5b4a39281706f5e4d3c2b1',
    accessKeyId: 'HPUASIMULATEDCUSTOMR',
    secretAccessKey: 'simulated-customer-secret-access-key-huawei',
  },
};

/**
 * The account's id is that of its main project, because that is what customers and platform exchange; `domainId` and
 * `userId` are what the console calls account id and IAM user id.
 */
function completeAccount(given: AccountAttributes, accounts: Accounts): AccountAttributes {
  if (given.accountId !== undefined && !/^[0-9a-f]{32}$/.test(given.accountId)) {
    throw new ControlError(
      400,
      `Field "accountId" must be the 32 hexadecimal digits of a Huawei Cloud project, not "${given.accountId}".`,
    );
  }
  const named = given.name === undefined ? undefined : FIXED_ACCOUNTS[given.name];
  const fixed = given.accountId === undefined || given.accountId === named?.accountId ? named : undefined;
  const accountId = given.accountId ?? fixed?.accountId ?? newAccountId(accounts);
  return {
    name: given.name,
    accountId,
    accessKeyId: given.accessKeyId ?? fixed?.accessKeyId ?? `HPUA${randomKey(16)}`,
    secretAccessKey: given.secretAccessKey ?? fixed?.secretAccessKey ?? randomKey(40),
    attributes: {
      domainId: hexId(`${accountId}/domain`),
      userId: hexId(`${accountId}/user`),
      ...given.attributes,
    },
  };
}

function newAccountId(accounts: Accounts): string {
  for (;;) {
    const id = randomBytes(16).toString('hex');
    if (!accounts.get(id)) return id;
  }
}
