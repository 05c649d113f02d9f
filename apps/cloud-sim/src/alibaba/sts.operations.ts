import { AlibabaError } from './alibaba-error.js';
import { randomText } from './alibaba-state.js';
import { reads, timestamp, type ApiAnswer, type ApiCall, type ApiOperations } from './api-operation.js';

/** Sts 2015-04-01: who the caller is, and temporary keys of a role. */
export const STS_OPERATIONS: ApiOperations = {
  GetCallerIdentity: reads(({ credential, accountId }) => ({
    AccountId: accountId,
    UserId: accountId,
    PrincipalId: accountId,
    IdentityType: credential.sessionToken === undefined ? 'Account' : 'AssumedRoleUser',
    Arn: credential.principal ?? `acs:ram::${accountId}:root`,
  })),
  AssumeRole: reads(assumeRole),
};

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

function assumeRole(call: ApiCall): ApiAnswer {
  const { state, accounts, parameters, accountId, now } = call;
  const roleArn = parameters.require('RoleArn');
  const session = parameters.require('RoleSessionName');
  if (!/^[\w.@-]{2,64}$/.test(session)) {
    throw new AlibabaError(
      'InvalidParameter.RoleSessionName',
      'The parameter RoleSessionName is wrongly formed.',
    );
  }
  const wrong = (name: string): AlibabaError =>
    new AlibabaError(`InvalidParameter.${name}`, `The Min/Max value of ${name} is 15min/12hr.`);
  const seconds = parameters.integer('DurationSeconds', 900, 43_200, 3600, wrong);
  const [, owner, name] = /^acs:ram::(\d{1,20}):role\/([\w.-]+)$/.exec(roleArn) ?? [];
  if (owner === undefined || name === undefined) {
    throw new AlibabaError('InvalidParameter.RoleArn', 'The parameter RoleArn is wrongly formed.');
  }
  const role = state.roles.get(`${owner}/${name.toLowerCase()}`);
  if (role === undefined) {
    throw new AlibabaError('EntityNotExist.Role', `The specified Role not exists : ${roleArn} .`, 404);
  }
  const isTrusted =
    role.trustedAccountIds.includes(accountId) &&
    (role.externalId === undefined || role.externalId === parameters.get('ExternalId'));
  if (!isTrusted) {
    throw new AlibabaError(
      'NoPermission',
      'You are not authorized to do this action. You should be authorized by RAM.',
      403,
    );
  }
  const credential = {
    accessKeyId: `STS.N${randomText(24, LETTERS)}`,
    secretAccessKey: randomText(44, LETTERS),
    sessionToken: randomText(400, LETTERS),
    accountId: owner,
    principal: `acs:ram::${owner}:assumed-role/${name}/${session}`,
    expiresAt: now + seconds * 1000,
  };
  accounts.addCredential(credential);
  return {
    Credentials: {
      AccessKeyId: credential.accessKeyId,
      AccessKeySecret: credential.secretAccessKey,
      SecurityToken: credential.sessionToken,
      Expiration: timestamp(credential.expiresAt),
    },
    AssumedRoleUser: { AssumedRoleId: `3${owner}:${session}`, Arn: credential.principal },
  };
}
