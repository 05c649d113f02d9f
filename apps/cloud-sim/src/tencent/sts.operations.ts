import { randomBytes } from 'node:crypto';
import type { Accounts, Credential } from '../accounts.js';
import { TencentError } from './tencent-error.js';
import type { TencentParameters } from './tencent-parameters.js';
import type { TencentState } from './tencent-state.js';

/** A verified call of the Security Token Service. */
export interface StsCall {
  readonly state: TencentState;
  readonly accounts: Accounts;
  readonly parameters: TencentParameters;
  readonly caller: Credential;
  /** Milliseconds since the epoch in simulated time. */
  readonly now: number;
}

const DEFAULT_DURATION_SECONDS = 7200;

/** Actions by name; each returns the fields of `Response` but the request id, and throws TencentError. */
export const STS_OPERATIONS: Readonly<Record<string, (call: StsCall) => Readonly<Record<string, unknown>>>> =
  {
    AssumeRole: assumeRole,
  };

function assumeRole({
  state,
  accounts,
  parameters,
  caller,
  now,
}: StsCall): Readonly<Record<string, unknown>> {
  parameters.allow(['RoleArn', 'RoleSessionName', 'DurationSeconds', 'Policy', 'ExternalId']);
  const roleArn = parameters.require('RoleArn');
  const session = parameters.require('RoleSessionName');
  const duration = parameters.integer('DurationSeconds') ?? DEFAULT_DURATION_SECONDS;
  if (duration < 1 || duration > 43_200) {
    throw new TencentError('InvalidParameter.OverTimeError', 'DurationSeconds must be from 1 to 43200.');
  }
  const [, uin, name] = /^qcs::cam::uin\/(\d+):roleName\/([\w+=,.@-]+)$/.exec(roleArn) ?? [];
  const role = state.roles.get(`${uin ?? ''}/${name ?? ''}`);
  if (role === undefined)
    throw new TencentError('ResourceNotFound.RoleNotFound', `The role \`${roleArn}\` does not exist.`);
  const isTrusted =
    role.trustedAccountIds.includes(caller.accountId) &&
    (role.externalId === undefined || role.externalId === parameters.get('ExternalId'));
  if (!isTrusted) {
    throw new TencentError(
      'UnauthorizedOperation',
      `The account ${caller.accountId} may not assume \`${roleArn}\`.`,
    );
  }
  const expiresAt = Math.floor(now / 1000 + duration) * 1000;
  const credential = {
    accessKeyId: `AKID${randomBytes(24).toString('base64url')}`,
    secretAccessKey: randomBytes(24).toString('base64url'),
    sessionToken: randomBytes(120).toString('base64url'),
    accountId: role.accountId,
    principal: `qcs::sts:${role.accountId}:assumed-role/${role.name}/${session}`,
    expiresAt,
  };
  accounts.addCredential(credential);
  return {
    Credentials: {
      TmpSecretId: credential.accessKeyId,
      TmpSecretKey: credential.secretAccessKey,
      Token: credential.sessionToken,
    },
    ExpiredTime: expiresAt / 1000,
    Expiration: new Date(expiresAt).toISOString(),
  };
}
