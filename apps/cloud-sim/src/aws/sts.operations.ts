import { randomBytes } from 'node:crypto';
import type { Accounts } from '../accounts.js';
import { AwsError, missingParameter } from './aws-error.js';
import type { Partition } from './aws-regions.js';
import type { AwsState } from './aws-state.js';
import type { QueryParameters } from './query-parameters.js';
import type { VerifiedSigner } from './signature-v4.js';
import type { XmlChildren } from './xml-document.js';

/** A verified call of the Security Token Service. */
export interface StsCall {
  readonly state: AwsState;
  readonly accounts: Accounts;
  readonly parameters: QueryParameters;
  readonly signer: VerifiedSigner;
  readonly partition: Partition;
  /** Milliseconds since the epoch in simulated time. */
  readonly now: number;
}

/** Actions by name; each returns the children of its result element, and throws AwsError. */
export const STS_OPERATIONS: Readonly<Record<string, (call: StsCall) => XmlChildren>> = {
  GetCallerIdentity: ({ signer, accounts, partition }) => {
    const { accountId, principal, accessKeyId } = signer.credential;
    const name = accounts.get(accountId)?.name ?? 'root';
    return {
      Arn: principal ?? `arn:${partition}:iam::${accountId}:user/${name}`,
      UserId: userId(accessKeyId),
      Account: accountId,
    };
  },
  AssumeRole: assumeRole,
};

const DEFAULT_DURATION_SECONDS = 3600;

function assumeRole(call: StsCall): XmlChildren {
  const { state, accounts, parameters, signer, now, partition } = call;
  const roleArn = required(parameters, 'RoleArn');
  const session = required(parameters, 'RoleSessionName');
  if (!/^[\w+=,.@-]{2,64}$/.test(session)) {
    throw new AwsError(
      'ValidationError',
      `Value '${session}' at 'roleSessionName' failed to satisfy constraint: 2 to 64 of letters, digits and +=,.@-`,
    );
  }
  const duration = parameters.integer('DurationSeconds') ?? DEFAULT_DURATION_SECONDS;
  if (duration < 900 || duration > 43_200) {
    throw new AwsError(
      'ValidationError',
      `Value '${duration}' at 'durationSeconds' failed to satisfy constraint: from 900 to 43200`,
    );
  }
  const [, arnPartition, accountId, name] =
    /^arn:([a-z-]+):iam::(\d{12}):role\/(?:[\w+=,.@/-]*\/)?([\w+=,.@-]+)$/.exec(roleArn) ?? [];
  const role = state.roles.get(`${accountId ?? ''}/${name ?? ''}`);
  const isTrusted =
    role !== undefined &&
    arnPartition === partition &&
    role.trustedAccountIds.includes(signer.credential.accountId) &&
    (role.externalId === undefined || role.externalId === parameters.get('ExternalId'));
  if (!isTrusted || accountId === undefined || name === undefined) {
    const caller =
      signer.credential.principal ??
      `arn:${partition}:iam::${signer.credential.accountId}:user/${accounts.get(signer.credential.accountId)?.name ?? 'root'}`;
    throw new AwsError(
      'AccessDenied',
      `User: ${caller} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`,
      403,
    );
  }
  const principal = `arn:${partition}:sts::${accountId}:assumed-role/${name}/${session}`;
  const credential = {
    accessKeyId: `ASIA${randomKey(16)}`,
    secretAccessKey: randomBytes(30).toString('base64'),
    sessionToken: randomBytes(120).toString('base64'),
    accountId,
    principal,
    expiresAt: now + duration * 1000,
  };
  accounts.addCredential(credential);
  return {
    Credentials: {
      AccessKeyId: credential.accessKeyId,
      SecretAccessKey: credential.secretAccessKey,
      SessionToken: credential.sessionToken,
      Expiration: new Date(credential.expiresAt).toISOString(),
    },
    AssumedRoleUser: { AssumedRoleId: `${userId(`AROA${name}`)}:${session}`, Arn: principal },
    PackedPolicySize: 0,
  };
}

function required(parameters: QueryParameters, name: string): string {
  const value = parameters.get(name);
  if (value === undefined) throw missingParameter(name);
  return value;
}

/** Upper-case letters and digits, as in access key ids. */
export function randomKey(length: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  return Array.from(randomBytes(length), (byte) => alphabet[byte % alphabet.length] ?? 'A').join('');
}

/** Stable for one key, and of the length and letters of a real one. */
function userId(seed: string): string {
  return `AIDA${seed
    .replace(/[^A-Z0-9]/gi, '')
    .toUpperCase()
    .padEnd(17, 'X')
    .slice(0, 17)}`;
}
