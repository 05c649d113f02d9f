import { randomBytes, randomInt, randomUUID } from 'node:crypto';
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
import { changeAttachmentsWhenPlanned } from './attachment-lifecycle.js';
import { ATTACHMENT_OPERATIONS } from './attachment.operations.js';
import { CCN_OPERATIONS } from './ccn.operations.js';
import { limitExceeded, RateLimiter } from './rate-limiter.js';
import { STS_OPERATIONS } from './sts.operations.js';
import { readSignature, verifySignature } from './tc3-signature.js';
import { tencentControlOperations } from './tencent-control.js';
import { TencentError } from './tencent-error.js';
import type { TencentOperation, TencentOperations } from './tencent-operation.js';
import { TencentParameters } from './tencent-parameters.js';
import { TencentState } from './tencent-state.js';
import { VPC_OPERATIONS } from './vpc.operations.js';

const OPERATIONS: TencentOperations = { ...VPC_OPERATIONS, ...CCN_OPERATIONS, ...ATTACHMENT_OPERATIONS };

/** The products that answer here, by API version. */
const PRODUCTS: Readonly<Record<string, 'vpc' | 'sts'>> = { '2017-03-12': 'vpc', '2018-08-13': 'sts' };

/** A call as read from its request, before its signature is verified. */
interface TencentCallClaim extends SimCall {
  /** The body; undefined when it is no JSON object. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Tencent Cloud: the VPC product (version 2017-03-12) and STS (2018-08-13) of API 3.0 on one endpoint, with
 * TC3-HMAC-SHA256 over JSON bodies. Every answer of the API has HTTP status 200, errors too.
 */
export function createTencentSimulator({ clock }: SimulatorEnvironment): CloudSimulator {
  const accounts = new Accounts();
  const state = new TencentState(clock);
  const limiter = new RateLimiter();
  changeAttachmentsWhenPlanned(state);

  const execute = (request: SimRequest, call: TencentCallClaim): Readonly<Record<string, unknown>> => {
    const version = request.headers['x-tc-version'] ?? '';
    const product = Object.hasOwn(PRODUCTS, version) ? PRODUCTS[version] : undefined;
    if (product === undefined)
      throw new TencentError('NoSuchVersion', `There is no version \`${version}\` of this API.`);
    const caller = verifySignature(request, readSignature(request), {
      credential: (secretId) => accounts.credential(secretId),
      wallNow: clock.wallNow(),
      now: clock.now(),
      product,
    });
    if (call.body === undefined)
      throw new TencentError('InvalidRequest', 'The request body is not a JSON object.');
    const { accountId } = caller;
    if (accounts.isDenied(accountId, call.operation)) {
      throw new TencentError(
        'AuthFailure.UnauthorizedOperation',
        `You are not authorized to perform operation (${product}:${call.operation}). resource (*) has no permission.`,
      );
    }
    const parameters = new TencentParameters(call.body);
    if (product === 'sts') {
      const assume = Object.hasOwn(STS_OPERATIONS, call.operation)
        ? STS_OPERATIONS[call.operation]
        : undefined;
      if (assume === undefined) throw invalidAction(call.operation);
      return assume({ state, accounts, parameters, caller, now: clock.now() });
    }
    const operation = findOperation(call.operation);
    if (state.settings.rateLimits) {
      limiter.count(accountId, call.operation, operation.callsPerSecond, clock.wallNow());
    }
    parameters.allow(operation.parameters);
    const run = (): Readonly<Record<string, unknown>> =>
      operation.run({
        state,
        accountId,
        region: call.region ?? '',
        parameters,
        now: clock.now(),
        isAccount: (uin) => accounts.get(uin) !== undefined,
      });
    return operation.readOnly ? run() : state.store.atomically(run);
  };

  return {
    id: 'tencent',
    accounts,
    store: state.store,
    controlOperations: tencentControlOperations(state, accounts),

    identify(request): TencentCallClaim {
      const operation = request.headers['x-tc-action'] ?? '';
      const signature = readSignature(request);
      const body = readBody(request);
      return {
        operation,
        accountId: signature && accounts.credential(signature.secretId)?.accountId,
        region: request.headers['x-tc-region'],
        readOnly: Object.hasOwn(OPERATIONS, operation) && OPERATIONS[operation]?.readOnly === true,
        parameters: body ?? {},
        body,
      };
    },

    execute(request, identified) {
      try {
        return answer(execute(request, identified as TencentCallClaim));
      } catch (error) {
        if (error instanceof TencentError) return answerError(error);
        throw error;
      }
    },

    answerFault,

    completeAccount: (given) => completeAccount(given, accounts),

    books: () => state.store.dump(),

    reset() {
      state.reset();
      limiter.clear();
    },
  };
}

function readBody(request: SimRequest): Readonly<Record<string, unknown>> | undefined {
  try {
    const body: unknown = JSON.parse(request.body.toString('utf8'));
    const isObject = body !== null && typeof body === 'object' && !Array.isArray(body);
    return isObject ? (body as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}

function findOperation(name: string): TencentOperation {
  const operation = Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name] : undefined;
  if (operation === undefined) throw invalidAction(name);
  return operation;
}

function invalidAction(name: string): TencentError {
  return new TencentError('InvalidAction', `The action \`${name}\` does not exist or is not supported.`);
}

function answer(fields: Readonly<Record<string, unknown>>): SimResponse {
  return {
    status: 200,
    headers: { 'content-type': 'application/json', server: 'nginx' },
    body: JSON.stringify({ Response: { ...fields, RequestId: randomUUID() } }),
  };
}

function answerError({ code, message }: TencentError): SimResponse {
  return { ...answer({ Error: { Code: code, Message: message } }), errorCode: code };
}

/** The API's own failures travel with HTTP 200; another status comes from the gateway before it, without an envelope. */
function answerFault({ kind, code, message, status }: FaultAnswer): SimResponse {
  if (kind === 'throttle' && code === undefined && status === undefined)
    return answerError(limitExceeded(101, 100));
  if (kind === 'error' || code !== undefined) {
    const fallback = kind === 'throttle' ? 'RequestLimitExceeded' : 'InternalError';
    const error = answerError(new TencentError(code ?? fallback, message ?? 'An error was injected.'));
    return status === undefined ? error : { ...error, status };
  }
  const gatewayStatus = status ?? 502;
  return {
    status: gatewayStatus,
    headers: { 'content-type': 'text/html', server: 'nginx' },
    body: `<html><body><h1>${gatewayStatus}</h1></body></html>`,
    errorCode: `HTTP ${gatewayStatus}`,
  };
}

/** The two accounts that are always there have fixed ids and keys, so that a restart leaves configurations valid. */
const FIXED_ACCOUNTS: Readonly<Record<string, AccountAttributes>> = {
  platform: {
    accountId: '100011112222',
    accessKeyId: 'AKIDsimulatedPlatformSecretId00tencent',
    secretAccessKey: 'simulated0platform0secretkey0tencent',
    attributes: { appId: '1251111222' },
  },
  customer: {
    accountId: '100033334444',
    accessKeyId: 'AKIDsimulatedCustomerSecretId00tencent',
    secretAccessKey: 'simulated0customer0secretkey0tencent',
    attributes: { appId: '1253333444' },
  },
};

function completeAccount(given: AccountAttributes, accounts: Accounts): AccountAttributes {
  if (given.accountId !== undefined && !/^\d{6,18}$/.test(given.accountId)) {
    throw new ControlError(
      400,
      `Field "accountId" must be a UIN, a number of 6 to 18 digits, not "${given.accountId}".`,
    );
  }
  const named = given.name === undefined ? undefined : FIXED_ACCOUNTS[given.name];
  const fixed = given.accountId === undefined || given.accountId === named?.accountId ? named : undefined;
  return {
    name: given.name,
    accountId: given.accountId ?? fixed?.accountId ?? newUin(accounts),
    accessKeyId: given.accessKeyId ?? fixed?.accessKeyId ?? `AKID${randomBytes(24).toString('base64url')}`,
    secretAccessKey: given.secretAccessKey ?? fixed?.secretAccessKey ?? randomBytes(24).toString('base64url'),
    attributes: {
      appId: String(1_250_000_000 + randomInt(10_000_000)),
      ...fixed?.attributes,
      ...given.attributes,
    },
  };
}

function newUin(accounts: Accounts): string {
  for (;;) {
    const uin = String(100_000_000_000 + randomInt(1_000_000_000));
    if (!accounts.get(uin)) return uin;
  }
}
