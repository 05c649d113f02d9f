import { randomBytes, randomUUID } from 'node:crypto';
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
import { awsControlOperations } from './aws-control.js';
import { AwsError } from './aws-error.js';
import { isRegion, partitionOf } from './aws-regions.js';
import { AwsState } from './aws-state.js';
import type { Ec2Operation, Ec2Operations } from './ec2-operation.js';
import { PEERING_OPERATIONS } from './peering.operations.js';
import { forgetPeeringsWhenPlanned, statusAt } from './peering-lifecycle.js';
import { QueryParameters } from './query-parameters.js';
import { REGION_OPERATIONS } from './region.operations.js';
import { ROUTE_OPERATIONS } from './route.operations.js';
import { SECURITY_GROUP_OPERATIONS } from './security-group.operations.js';
import {
  readSignature,
  verifySignature,
  type ClaimedSignature,
  type VerifiedSigner,
} from './signature-v4.js';
import { randomKey, STS_OPERATIONS } from './sts.operations.js';
import { SUBNET_OPERATIONS } from './subnet.operations.js';
import { TAG_OPERATIONS } from './tag.operations.js';
import { VPC_OPERATIONS } from './vpc.operations.js';
import { xmlElement, type XmlChildren } from './xml-document.js';

const EC2_NAMESPACE = 'http://ec2.amazonaws.com/doc/2016-11-15/';
const STS_NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/';
const STS_VERSION = '2011-06-15';

const EC2_OPERATIONS: Ec2Operations = {
  ...VPC_OPERATIONS,
  ...PEERING_OPERATIONS,
  ...ROUTE_OPERATIONS,
  ...SECURITY_GROUP_OPERATIONS,
  ...SUBNET_OPERATIONS,
  ...TAG_OPERATIONS,
  ...REGION_OPERATIONS,
};

const EC2_PARAMETERS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries(EC2_OPERATIONS).map(([name, { parameters }]) => [
    name,
    new Set(['Action', 'Version', 'DryRun', ...parameters]),
  ]),
);

type Service = 'ec2' | 'sts';

/** A call as read from its request, before its signature is verified. */
interface AwsCall extends SimCall {
  readonly service: Service;
  readonly query: QueryParameters;
  readonly signature: ClaimedSignature | undefined;
}

/**
 * AWS: the EC2 Query API (version 2016-11-15) and STS (2011-06-15) on one endpoint, with Signature Version 4.
 * The service is the one that the signature is scoped to; the region likewise.
 */
export function createAwsSimulator({ clock }: SimulatorEnvironment): CloudSimulator {
  const accounts = new Accounts();
  const state = new AwsState(clock);
  forgetPeeringsWhenPlanned(state);

  const verify = (request: SimRequest, call: AwsCall): VerifiedSigner =>
    verifySignature(request, call.signature, {
      credential: (accessKeyId) => accounts.credential(accessKeyId),
      wallNow: clock.wallNow(),
      now: clock.now(),
      service: call.service,
      isRegion,
    });

  const authorize = ({ credential }: VerifiedSigner, call: AwsCall): void => {
    if (!accounts.isDenied(credential.accountId, call.operation)) return;
    if (call.service === 'sts') throw new AwsError('AccessDenied', 'Access denied', 403);
    throw new AwsError('UnauthorizedOperation', 'You are not authorized to perform this operation.', 403);
  };

  const callEc2 = (call: AwsCall, signer: VerifiedSigner): SimResponse => {
    const operation = findOperation(call.operation);
    call.query.refuseUnknown(EC2_PARAMETERS.get(call.operation) ?? new Set());
    const { credential, region } = signer;
    const run = (): XmlChildren =>
      operation.run({
        state,
        parameters: call.query,
        accountId: credential.accountId,
        region,
        partition: partitionOf(region),
        now: clock.now(),
      });
    const isDryRun = call.query.boolean('DryRun') === true;
    if (operation.readOnly && !isDryRun) return answerEc2(call.operation, run());
    if (!isDryRun) return answerEc2(call.operation, state.store.atomically(run));
    state.store.rehearse(run);
    throw new AwsError('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', 412);
  };

  const callSts = (call: AwsCall, signer: VerifiedSigner): SimResponse => {
    const operation = Object.hasOwn(STS_OPERATIONS, call.operation)
      ? STS_OPERATIONS[call.operation]
      : undefined;
    if (operation === undefined) throw invalidAction(call.operation);
    const partition = partitionOf(signer.region);
    return answerSts(
      call.operation,
      operation({ state, accounts, parameters: call.query, signer, partition, now: clock.now() }),
    );
  };

  return {
    id: 'aws',
    accounts,
    store: state.store,
    controlOperations: awsControlOperations(state, accounts),

    identify(request): AwsCall {
      const isForm = request.method === 'POST' && request.body.length > 0;
      const query = QueryParameters.parse(isForm ? request.body.toString('utf8') : request.query);
      const operation = query.get('Action') ?? '';
      const signature = readSignature(request);
      const isSts = signature?.service === 'sts' || query.get('Version') === STS_VERSION;
      return {
        operation,
        accountId: signature && accounts.credential(signature.accessKeyId)?.accountId,
        region: signature?.region,
        readOnly: isSts || (EC2_OPERATIONS[operation]?.readOnly ?? false),
        parameters: query.entries(),
        service: isSts ? 'sts' : 'ec2',
        query,
        signature,
      };
    },

    execute(request, identified) {
      const call = identified as AwsCall;
      try {
        const signer = verify(request, call);
        if (call.operation === '')
          throw new AwsError('MissingAction', 'The request is missing an action parameter.');
        authorize(signer, call);
        return call.service === 'sts' ? callSts(call, signer) : callEc2(call, signer);
      } catch (error) {
        if (error instanceof AwsError) return answerError(call.service, error);
        throw error;
      }
    },

    answerFault: (answer, call) => answerError((call as AwsCall).service, faultError(answer)),

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

function findOperation(name: string): Ec2Operation {
  const operation = Object.hasOwn(EC2_OPERATIONS, name) ? EC2_OPERATIONS[name] : undefined;
  if (operation === undefined) throw invalidAction(name);
  return operation;
}

function invalidAction(name: string): AwsError {
  return new AwsError('InvalidAction', `The action ${name} is not valid for this web service.`);
}

function answerEc2(operation: string, children: XmlChildren): SimResponse {
  const requestId = randomUUID();
  const value = { requestId, ...children };
  return xmlResponse(200, requestId, xmlElement(`${operation}Response`, value, EC2_NAMESPACE));
}

function answerSts(operation: string, children: XmlChildren): SimResponse {
  const requestId = randomUUID();
  const value = { [`${operation}Result`]: children, ResponseMetadata: { RequestId: requestId } };
  return xmlResponse(200, requestId, xmlElement(`${operation}Response`, value, STS_NAMESPACE));
}

function answerError(service: Service, { code, message, status }: AwsError): SimResponse {
  const requestId = randomUUID();
  const error = { Code: code, Message: message };
  const body =
    service === 'sts'
      ? xmlElement(
          'ErrorResponse',
          { Error: { Type: status < 500 ? 'Sender' : 'Receiver', ...error }, RequestId: requestId },
          STS_NAMESPACE,
        )
      : xmlElement('Response', { Errors: { Error: error }, RequestID: requestId });
  return { ...xmlResponse(status, requestId, body), errorCode: code };
}

/** The request id is in the body and in a header: the SDKs read the header. */
function xmlResponse(status: number, requestId: string, body: string): SimResponse {
  return {
    status,
    headers: {
      'content-type': 'text/xml;charset=UTF-8',
      'x-amzn-requestid': requestId,
      server: 'AmazonEC2',
    },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n${body}`,
  };
}

function faultError({ kind, code, message, status }: FaultAnswer): AwsError {
  switch (kind) {
    case 'throttle':
      return new AwsError(
        code ?? 'RequestLimitExceeded',
        message ?? 'Request limit exceeded.',
        status ?? 503,
      );
    case 'server_error':
      return new AwsError(
        code ?? 'InternalError',
        message ?? 'An internal error has occurred',
        status ?? 500,
      );
    case 'error':
      return new AwsError(code ?? 'InternalError', message ?? 'An error was injected.', status ?? 400);
  }
}

/** The two accounts that are always there have fixed ids and keys, so that a restart leaves configurations valid. */
const FIXED_ACCOUNTS: Readonly<Record<string, AccountAttributes>> = {
  platform: {
    accountId: '111122223333',
    accessKeyId: 'AKIASIMULATEDPLATFRM',
    secretAccessKey: 'simulated-platform-secret-access-key-aws',
  },
  customer: {
    accountId: '444455556666',
    accessKeyId: 'AKIASIMULATEDCUSTOMR',
    secretAccessKey: 'simulated-customer-secret-access-key-aws',
  },
};

function completeAccount(given: AccountAttributes, accounts: Accounts): AccountAttributes {
  if (given.accountId !== undefined && !/^\d{12}$/.test(given.accountId)) {
    throw new ControlError(
      400,
      `Field "accountId" must be the 12 digits of an AWS account, not "${given.accountId}".`,
    );
  }
  const named = given.name === undefined ? undefined : FIXED_ACCOUNTS[given.name];
  const fixed = given.accountId === undefined || given.accountId === named?.accountId ? named : undefined;
  return {
    name: given.name,
    accountId: given.accountId ?? fixed?.accountId ?? newAccountId(accounts),
    accessKeyId: given.accessKeyId ?? fixed?.accessKeyId ?? `AKIA${randomKey(16)}`,
    secretAccessKey: given.secretAccessKey ?? fixed?.secretAccessKey ?? randomBytes(30).toString('base64'),
    attributes: given.attributes,
  };
}

function newAccountId(accounts: Accounts): string {
  for (;;) {
    const id = String(100_000_000_000 + (randomBytes(6).readUIntBE(0, 6) % 900_000_000_000));
    if (!accounts.get(id)) return id;
  }
}
