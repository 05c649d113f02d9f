import { randomBytes } from 'node:crypto';
import { HuaweiError } from './huawei-error.js';
import { projectsOf } from './huawei-projects.js';
import type { RestAnswer, RestCall, RestOperation } from './rest-operation.js';

/** What IAM (v3) and STS (v5) are asked for: the projects of the caller, and temporary keys of an agency. */
export const IDENTITY_OPERATIONS: readonly RestOperation[] = [
  { name: 'KeystoneListProjects', method: 'GET', path: '/v3/projects', envelope: 'iam', run: listProjects },
  {
    name: 'KeystoneListAuthProjects',
    method: 'GET',
    path: '/v3/auth/projects',
    envelope: 'iam',
    run: listProjects,
  },
  {
    name: 'AssumeAgency',
    method: 'POST',
    path: '/v5/agencies/assume',
    envelope: 'gateway',
    run: assumeAgency,
  },
];

function listProjects({ account, query, base }: RestCall): RestAnswer {
  const name = query.get('name');
  const domainId = account.attributes['domainId'] ?? '';
  const projects = projectsOf(account)
    .filter(({ region }) => name === null || region === name)
    .map(({ id, region }) => ({
      id,
      name: region,
      domain_id: domainId,
      parent_id: domainId,
      is_domain: false,
      enabled: true,
      description: '',
      links: { self: `${base}/v3/projects/${id}` },
    }));
  return {
    status: 200,
    body: { projects, links: { self: `${base}/v3/projects`, next: null, previous: null } },
  };
}

function assumeAgency(call: RestCall): RestAnswer {
  const { state, accounts, account, body, now } = call;
  const urn = body.require('agency_urn');
  const session = body.require('agency_session_name');
  const seconds = body.number('duration_seconds', 3600);
  if (seconds < 900 || seconds > 43_200) {
    throw new HuaweiError(400, 'STS5.0001', 'duration_seconds must be from 900 to 43200');
  }
  const agency = state.agencies.get(urn);
  const isTrusted =
    agency?.trustedAccountIds.includes(account.accountId) === true &&
    (agency.externalId === undefined || agency.externalId === body.text('external_id'));
  if (agency === undefined || !isTrusted) {
    throw new HuaweiError(
      403,
      'PAP5.0013',
      `not authorized to perform sts:agencies:assume on resource ${urn}`,
    );
  }
  const credential = {
    accessKeyId: `HST${randomKey(17)}`,
    secretAccessKey: randomKey(40),
    sessionToken: randomBytes(240).toString('base64'),
    accountId: agency.accountId,
    principal: `${urn.replace(':agency:', ':assumed-agency:')}/${session}`,
    expiresAt: now + seconds * 1000,
  };
  accounts.addCredential(credential);
  return {
    status: 200,
    body: {
      assumed_agency: { urn: credential.principal, id: `${randomKey(21)}:${session}` },
      credentials: {
        access_key_id: credential.accessKeyId,
        secret_access_key: credential.secretAccessKey,
        security_token: credential.sessionToken,
        expiration: new Date(credential.expiresAt).toISOString(),
      },
    },
  };
}

/** Upper-case letters and digits, as in access keys. */
export function randomKey(length: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
  return Array.from(randomBytes(length), (byte) => alphabet[byte % alphabet.length] ?? 'A').join('');
}
