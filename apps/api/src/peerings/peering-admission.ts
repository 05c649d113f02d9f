/**
 * Judges a request to make a connection, or to give one another attempt: everything that can be said before the cloud
 * is asked. Creating throws the first problem, preflight shows them all.
 */
import {
  peerings,
  quotas,
  type DeploymentRecord,
  type PeeringRecord,
  type QuotaRecord,
  type TenantScope,
} from '#database';
import {
  mayRetry,
  Problem,
  profileOf,
  startAttempt,
  type CloudProfile,
  type DeclaredSpec,
  type PeeringStatus,
} from '#domain';

import { seesProject, type CustomerPrincipal } from '../auth/principal.js';
import type { FieldIssue } from '../http/field-issues.js';
import { notFound } from '../http/problem-body.js';
import { quotaLimit, type QuotaName } from '../quotas/quota-catalogue.js';
import { addressConflicts, addressProblem } from './address-check.js';
import { canonicalBlocks, readSpec, type DeclaredSpecReading, type SpecRequest } from './declared-spec.js';

/** The edition that has peering. */
export const PEERING_EDITION = 'dedicated_professional';

/** What is asked for. */
export interface AdmissionRequest {
  readonly deploymentId: string;
  readonly spec: SpecRequest;
  /** The connection that gets another attempt; null for a new one. */
  readonly existing: PeeringRecord | null;
  /** What was found wrong with the request before. */
  readonly issues?: readonly FieldIssue[];
  /** Epoch milliseconds. */
  readonly at: number;
}

/** The judgement: what would be written, and everything that speaks against it, most fundamental first. */
export interface Verdict {
  readonly deployment: DeploymentRecord;
  readonly profile: CloudProfile;
  readonly spec: DeclaredSpec;
  readonly status: PeeringStatus;
  readonly problems: readonly Problem[];
}

/**
 * Below this many places left, admissions of a tenant wait for each other, so that no two of them take the last one.
 * Above it they do not, which is safe as long as fewer than this many are judged in the same instant.
 */
const SCARCE = 32;

/** @throws Problem `not_found` when this caller sees no such deployment */
export async function judge(
  scope: TenantScope,
  caller: CustomerPrincipal,
  request: AdmissionRequest,
): Promise<Verdict> {
  const { existing, at } = request;
  const { admission, full } = await admit(scope, caller, request);
  const { deployment, plan } = admission;
  const profile = profileOf(deployment.cloud);
  const problems: Problem[] = [];
  if (deployment.edition !== PEERING_EDITION) {
    problems.push(new Problem('edition_required', { edition: deployment.edition }));
  }
  if (deployment.status !== 'active') {
    problems.push(new Problem('deployment_not_ready', { status: deployment.status }));
  }
  const { spec, issues } = readInto(problems, profile, request);
  const given = request.spec.cidrs ?? spec.cidrs;
  const addresses = addressProblem(given, addressConflicts(spec.cidrs, plan), [
    ...(request.issues ?? []),
    ...issues,
  ]);
  if (addresses !== null) problems.push(addresses);
  // A connection that is live has its place already.
  if (full !== null && (existing === null || mayRetry(existing.status))) problems.push(full);
  return { deployment, profile, spec, status: startAttempt(profile, spec, at, existing), problems };
}

/** The spec of a request; one for another cloud is a problem, and leaves what was declared before. */
function readInto(
  problems: Problem[],
  profile: CloudProfile,
  request: AdmissionRequest,
): DeclaredSpecReading {
  const before = request.existing?.spec ?? null;
  try {
    return readSpec(profile, request.spec, before);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    problems.push(error);
    const cloud = before?.cloud ?? { kind: profile.cloud };
    return { spec: { cloud, cidrs: canonicalBlocks(request.spec.cidrs ?? []) }, issues: [] };
  }
}

interface Admitted {
  readonly admission: peerings.Admission;
  /** The quota that leaves no place for one more; null: there is one. */
  readonly full: Problem | null;
}

async function admit(
  scope: TenantScope,
  caller: CustomerPrincipal,
  { deploymentId, spec, existing, at }: AdmissionRequest,
): Promise<Admitted> {
  const blocks = canonicalBlocks(spec.cidrs ?? existing?.spec.cidrs ?? []);
  const load = async (): Promise<{ admission: peerings.Admission; places: Place[] }> => {
    const [admission, set] = await Promise.all([
      peerings.admission(scope, deploymentId, blocks, at, existing?.id ?? null),
      quotas.list(scope, caller.tenantId),
    ]);
    if (admission === null || !seesProject(caller, admission.deployment.projectId)) {
      throw notFound('deployment');
    }
    return { admission, places: placesOf(admission, set) };
  };
  let { admission, places } = await load();
  if (places.some(({ limit, used }) => limit - used < SCARCE)) {
    await peerings.lockAdmissions(scope, caller.tenantId);
    ({ admission, places } = await load());
  }
  const none = places.find(({ limit, used }) => used >= limit);
  const full = none ? new Problem('quota_exceeded', { quota: none.name, limit: String(none.limit) }) : null;
  return { admission, full };
}

interface Place {
  readonly name: QuotaName;
  readonly limit: number;
  readonly used: number;
}

function placesOf(admission: peerings.Admission, set: readonly QuotaRecord[]): Place[] {
  const used = {
    peerings_per_deployment: admission.liveInDeployment,
    peerings_per_tenant: admission.liveInTenant,
  } as const;
  return (Object.keys(used) as (keyof typeof used)[]).map((name) => ({
    name,
    used: used[name],
    limit: quotaLimit(name, set),
  }));
}
