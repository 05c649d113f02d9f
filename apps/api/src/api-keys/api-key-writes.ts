/** Making, changing and revoking API keys, for customers and operators alike. */
import { apiKeys, projects, type ApiKeyRecord, type Role, type Scope } from '#database';
import { hashSecret, newId, newSecret } from '#runtime';

import { audit, type OperatorAct, type TenantAct } from '../audit/act.js';
import type { FieldIssue } from '../http/field-issues.js';
import { NOUNS, notFound } from '../http/problem-body.js';
import { refuseIssues } from '../http/request-problem.js';
import { isoTime } from '../http/view-fields.js';
import { apiKeyView, type NewApiKeyView } from './api-key.view.js';

/** What a new key is made of. */
export interface KeyRequest {
  /** Null for operators. */
  readonly tenantId: string | null;
  readonly role: Role;
  readonly projectIds: readonly string[] | undefined;
  readonly displayName: string | undefined;
  readonly expiresAt: string | undefined;
}

const PROJECT_ROLES: readonly Role[] = ['project_admin', 'project_user'];

/** Makes a key. @throws RequestProblem `validation_failed` for projects that do not fit, or a time that has passed */
export async function createApiKey(
  act: TenantAct | OperatorAct,
  request: KeyRequest,
): Promise<NewApiKeyView> {
  const { scope, at } = act;
  const { tenantId, role, displayName = '' } = request;
  const projectIds = PROJECT_ROLES.includes(role) ? [...new Set(request.projectIds)] : null;
  refuseIssues([
    ...projectIssues(role, request.projectIds),
    ...(await unknownProjects(scope, tenantId, projectIds ?? [])),
    ...expiryIssues(request.expiresAt, at),
  ]);
  const id = newId('key', at);
  const secret = newSecret();
  const record = await apiKeys.create(scope, {
    id,
    tenantId,
    role,
    projectIds,
    displayName,
    secretHash: hashSecret(secret),
    expiresAt: request.expiresAt === undefined ? null : Date.parse(request.expiresAt),
  });
  await audit(act, {
    action: 'api_key.create',
    target: id,
    tenantId,
    data: { role, projectIds, displayName },
  });
  return { ...apiKeyView(record), keyId: id, secret };
}

/** What may be different of a key. */
export interface KeyChange {
  readonly displayName?: string;
  readonly expiresAt?: string;
}

/** @throws Problem `not_found`; RequestProblem `validation_failed` for a time that has passed */
export async function changeApiKey(
  act: TenantAct | OperatorAct,
  id: string,
  { displayName, expiresAt }: KeyChange,
): Promise<ApiKeyRecord> {
  refuseIssues(expiryIssues(expiresAt, act.at));
  const changes = {
    ...(displayName === undefined ? {} : { displayName }),
    ...(expiresAt === undefined ? {} : { expiresAt: Date.parse(expiresAt) }),
  };
  const record = await apiKeys.update(act.scope, id, changes);
  if (record === null) throw notFound('api_key');
  await audit(act, { action: 'api_key.change', target: id, tenantId: record.tenantId, data: changes });
  return record;
}

/** Revokes a key for good. @throws Problem `not_found` */
export async function revokeApiKey(act: TenantAct | OperatorAct, id: string): Promise<void> {
  const record = await apiKeys.revoke(act.scope, id, act.at);
  if (record === null) throw notFound('api_key');
  await audit(act, { action: 'api_key.revoke', target: id, tenantId: record.tenantId });
}

function projectIssues(role: Role, given: readonly string[] | undefined): FieldIssue[] {
  const isProjectRole = PROJECT_ROLES.includes(role);
  const count = given?.length ?? 0;
  if (isProjectRole === count > 0) return [];
  const params = { given: String(count), min: isProjectRole ? '1' : '0', max: isProjectRole ? '100' : '0' };
  return [{ pointer: '/projectIds', code: 'bad_count', params }];
}

async function unknownProjects(
  scope: Scope,
  tenantId: string | null,
  projectIds: readonly string[],
): Promise<FieldIssue[]> {
  const found = await Promise.all(projectIds.map((id) => projects.get(scope, id)));
  return found.flatMap((project, index): FieldIssue[] => {
    if (project !== null && project.tenantId === tenantId) return [];
    const params = { what: NOUNS.project, given: projectIds[index] ?? '' };
    return [{ pointer: `/projectIds/${String(index)}`, code: 'no_such_reference', params }];
  });
}

function expiryIssues(expiresAt: string | undefined, now: number): FieldIssue[] {
  if (expiresAt === undefined || Date.parse(expiresAt) > now) return [];
  return [{ pointer: '/expiresAt', code: 'not_after', params: { given: expiresAt, earlier: isoTime(now) } }];
}
