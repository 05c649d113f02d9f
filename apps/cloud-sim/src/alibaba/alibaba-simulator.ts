import { randomUUID } from 'node:crypto';
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
import { alibabaControlOperations } from './alibaba-control.js';
import { AlibabaError } from './alibaba-error.js';
import { AlibabaState, randomText, type RememberedAnswer } from './alibaba-state.js';
import type { ApiAnswer, ApiCall, ApiOperation, ApiOperations } from './api-operation.js';
import { forgetPeeringsWhenPlanned, statusAt } from './peering-lifecycle.js';
import { RequestParameters } from './request-parameters.js';
import { NonceMemory, readSignature, verifySignature, type ClaimedSignature } from './request-signature.js';
import {
  removeRouteEntriesWhenPlanned,
  ROUTE_ENTRY_OPERATIONS,
  routeEntryStatus,
} from './route-entry.operations.js';
import { SECURITY_GROUP_OPERATIONS } from './security-group.operations.js';
import { STS_OPERATIONS } from './sts.operations.js';
import { VPC_PEER_OPERATIONS } from './vpc-peer.operations.js';
import { VPC_OPERATIONS } from './vpc.operations.js';

/** A product by the version of its API, which is how one endpoint tells them apart. */
interface Product {
  readonly name: string;
  readonly operations: ApiOperations;
  /** What it answers to a caller without the permission. */
  readonly refuses: { readonly code: string; readonly message: string; readonly status: number };
}

const RAM_REFUSAL = {
  code: 'Forbidden.RAM',
  message: "User not authorized to operate on the specified resource, or this API doesn't support RAM.",
  status: 403,
};

const PRODUCTS: Readonly<Record<string, Product>> = {
  '2022-01-01': {
    name: 'VpcPeer',
    operations: VPC_PEER_OPERATIONS,
    refuses: {
      code: 'Forbidden.NoPermission',
      message: 'Authentication is failed for NoPermission.',
      status: 400,
    },
  },
  '2016-04-28': {
    name: 'Vpc',
    operations: { ...VPC_OPERATIONS, ...ROUTE_ENTRY_OPERATIONS },
    refuses: RAM_REFUSAL,
  },
  '2014-05-26': { name: 'Ecs', operations: SECURITY_GROUP_OPERATIONS, refuses: RAM_REFUSAL },
  '2015-04-01': {
    name: 'Sts',
    operations: STS_OPERATIONS,
    refuses: {
      code: 'NoPermission',
      message: 'You are not authorized to do this action. You should be authorized by RAM.',
      status: 403,
    },
  },
};

/** A call as read from its request, before its signature is verified. */
interface AlibabaCall extends SimCall {
  readonly version: string;
  readonly product: Product | undefined;
  readonly request: RequestParameters;
  readonly signature: ClaimedSignature | undefined;
  readonly host: string;
}

/**
 * Alibaba Cloud: VpcPeer (2022-01-01), Vpc (2016-04-28), Ecs (2014-05-26) and Sts (2015-04-01), RPC style, on one
 * endpoint; a call's product follows from its API version. Signed with ACS3-HMAC-SHA256, or with the older signature 1.0.
 */
export function createAlibabaSimulator({ clock }: SimulatorEnvironment): CloudSimulator {
  const accounts = new Accounts();
  const state = new AlibabaState(clock);
  forgetPeeringsWhenPlanned(state);
  removeRouteEntriesWhenPlanned(state);
  const nonces = new NonceMemory();

  const execute = (request: SimRequest, call: AlibabaCall): ApiAnswer => {
    const credential = verifySignature(request, call.request, call.signature, {
      credential: (accessKeyId) => accounts.credential(accessKeyId),
      nonces,
      wallNow: clock.wallNow(),
      now: clock.now(),
    });
    const { accountId } = credential;
    const { product, operation } = findOperation(call);
    if (accounts.isDenied(accountId, call.operation)) {
      throw new AlibabaError(product.refuses.code, product.refuses.message, product.refuses.status);
    }
    const { now, parameters } = { now: clock.now(), parameters: call.request };
    const apiCall: ApiCall = { state, accounts, parameters, credential, accountId, now };
    if (operation.readOnly) return operation.run(apiCall);
    if (parameters.flag('DryRun')) {
      state.store.rehearse(() => operation.run(apiCall));
      throw new AlibabaError('DryRunOperation', 'The operation DryRun verifies success.');
    }
    return runOnce(state, call.operation, operation, apiCall);
  };

  return {
    id: 'alibaba',
    accounts,
    store: state.store,
    controlOperations: alibabaControlOperations(state, accounts),

    identify(request): AlibabaCall {
      const { headers } = request;
      const isForm = headers['content-type']?.startsWith('application/x-www-form-urlencoded') ?? false;
      const parameters = RequestParameters.merge(request.query, isForm ? request.body.toString('utf8') : '');
      const operation = headers['x-acs-action'] ?? parameters.get('Action') ?? '';
      const version = headers['x-acs-version'] ?? parameters.get('Version') ?? '';
      const product = Object.hasOwn(PRODUCTS, version) ? PRODUCTS[version] : undefined;
      const signature = readSignature(request, parameters);
      return {
        operation,
        version,
        product,
        accountId: signature && accounts.credential(signature.accessKeyId)?.accountId,
        region: parameters.get('RegionId'),
        readOnly: product?.operations[operation]?.readOnly ?? false,
        parameters: parameters.entries(),
        request: parameters,
        signature,
        host: headers['host'] ?? '',
      };
    },

    execute(request, identified) {
      const call = identified as AlibabaCall;
      try {
        return answer(200, { ...execute(request, call), RequestId: requestId() });
      } catch (error) {
        if (error instanceof AlibabaError) return answerError(error, call);
        throw error;
      }
    },

    answerFault: (fault, call) => answerError(faultError(fault), call as AlibabaCall),

    completeAccount: (given) => completeAccount(given, accounts),

    books() {
      const now = clock.now();
      return {
        ...state.store.dump(),
        peerings: [...state.peerings.values()].map((peering) => ({
          ...peering,
          status: statusAt(peering, now),
        })),
        routeEntries: [...state.routeEntries.values()].map((entry) => ({
          ...entry,
          vpcId: state.routeTables.get(entry.routeTableId)?.vpcId ?? null,
          status: routeEntryStatus(entry, now),
        })),
      };
    },

    reset: () => {
      state.reset();
      nonces.clear();
    },
  };
}

function findOperation({ product, version, operation: name }: AlibabaCall): {
  product: Product;
  operation: ApiOperation;
} {
  if (version === '') throw new AlibabaError('MissingVersion', 'Version is mandatory for this action.');
  if (product === undefined)
    throw new AlibabaError('InvalidVersion', 'Specified parameter Version is not valid.');
  const operation = Object.hasOwn(product.operations, name) ? product.operations[name] : undefined;
  if (operation === undefined) {
    throw new AlibabaError(
      'InvalidAction.NotFound',
      'Specified api is not found, please check your url and method.',
      404,
    );
  }
  return { product, operation };
}

/** Performs a change; one that carries the client token of an earlier one gets that one's answer instead. */
function runOnce(state: AlibabaState, action: string, operation: ApiOperation, call: ApiCall): ApiAnswer {
  const token = operation.repeatable ? call.parameters.get('ClientToken') : undefined;
  const perform = (): ApiAnswer => state.store.atomically(() => operation.run(call));
  if (token === undefined) return perform();
  if (token.length > 64)
    throw new AlibabaError('InvalidClientToken', 'The specified ClientToken is not valid.');
  const id = `${call.accountId}/${action}/${token}`;
  const given = Object.entries(call.parameters.entries()).filter(([name]) => name !== 'ClientToken');
  const request = JSON.stringify(given.sort(([a], [b]) => (a < b ? -1 : 1)));
  const known = state.rememberedAnswers.get(id) ?? state.rememberedRefusals.get(id);
  if (known !== undefined) return repeatAnswer(known, request);
  try {
    const body = perform();
    state.rememberedAnswers.put({ id, request, answer: body });
    return body;
  } catch (error) {
    if (error instanceof AlibabaError && state.settings.tokensRememberRefusals) {
      state.rememberedRefusals.set(id, { id, request, answer: error });
    }
    throw error;
  }
}

function repeatAnswer({ request: first, answer }: RememberedAnswer, request: string): ApiAnswer {
  if (first !== request) {
    throw new AlibabaError(
      'IdempotentParameterMismatch',
      'The request uses the same client token as a previous, but non-identical request.',
    );
  }
  if (answer instanceof AlibabaError) throw answer;
  return answer;
}

function requestId(): string {
  return randomUUID().toUpperCase();
}

function answer(status: number, body: ApiAnswer): SimResponse {
  const id = String(body['RequestId']);
  return {
    status,
    headers: { 'content-type': 'application/json;charset=utf-8', 'x-acs-request-id': id },
    body: JSON.stringify(body),
  };
}

function answerError({ code, message, status }: AlibabaError, call: AlibabaCall): SimResponse {
  const id = requestId();
  const product = call.product?.name ?? '';
  const body = {
    RequestId: id,
    Message: message,
    Recommend: `https://api.aliyun.com/troubleshoot?q=${encodeURIComponent(code)}&product=${product}&requestId=${id}`,
    HostId: call.host,
    Code: code,
  };
  return { ...answer(status, body), errorCode: code };
}

function faultError({ kind, code, message, status }: FaultAnswer): AlibabaError {
  switch (kind) {
    case 'throttle':
      return new AlibabaError(
        code ?? 'Throttling.User',
        message ?? 'Request was denied due to user flow control.',
        status ?? 400,
      );
    case 'server_error':
      return new AlibabaError(
        code ?? 'ServiceUnavailable',
        message ?? 'The request has failed due to a temporary failure of the server.',
        status ?? 503,
      );
    case 'error':
      return new AlibabaError(code ?? 'InternalError', message ?? 'An error was injected.', status ?? 400);
  }
}

/**
 * The two accounts that are always there have fixed ids and keys, so that a restart leaves configurations valid. Their
 * ids have 18 digits, as real ones may: more than a double holds.
 */
const FIXED_ACCOUNTS: Readonly<Record<string, AccountAttributes>> = {
  platform: {
    accountId: '283117732402483989',
    accessKeyId: 'LTAIsimulatedplatform',
    secretAccessKey: 'simulated-platform-secret-alibaba',
  },
  customer: {
    accountId: '253460731706911258',
    accessKeyId: 'LTAIsimulatedcustomer',
    secretAccessKey: 'simulated-customer-secret-alibaba',
  },
};

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

function completeAccount(given: AccountAttributes, accounts: Accounts): AccountAttributes {
  if (given.accountId !== undefined && !/^[1-9]\d{14,19}$/.test(given.accountId)) {
    throw new ControlError(
      400,
      `Field "accountId" must be the 15 to 20 digits of an Alibaba Cloud account, not "${given.accountId}".`,
    );
  }
  const named = given.name === undefined ? undefined : FIXED_ACCOUNTS[given.name];
  const fixed = given.accountId === undefined || given.accountId === named?.accountId ? named : undefined;
  return {
    name: given.name,
    accountId: given.accountId ?? fixed?.accountId ?? newAccountId(accounts),
    accessKeyId: given.accessKeyId ?? fixed?.accessKeyId ?? `LTAI5t${randomText(18, LETTERS)}`,
    secretAccessKey: given.secretAccessKey ?? fixed?.secretAccessKey ?? randomText(30, LETTERS),
    attributes: given.attributes,
  };
}

function newAccountId(accounts: Accounts): string {
  for (;;) {
    const id = `2${randomText(16, '0123456789')}9`;
    if (!accounts.get(id)) return id;
  }
}
