/** Everything that a request to create a connection would meet, without creating it. */
import { peerings, type PeeringRecord, type TenantScope } from '#database';
import { mayRetry, missingFields, PEERING_STATES, type Locale, type Problem } from '#domain';

import { connectionExists, networkFull } from '../http/database-problems.js';
import { problemBody } from '../http/problem-body.js';
import { MAX_PAGE } from '../http/page-query.js';
import type { Verdict } from './peering-admission.js';
import type { PreflightView } from './peering-reads.view.js';

const NOT_DELETED = PEERING_STATES.filter((state) => state !== 'deleted');

/**
 * What the unique indexes would refuse: another live connection of the same two networks, with the same request, or
 * in the only place. Empty when nothing would be.
 */
export async function rivalProblems(
  scope: TenantScope,
  { deployment, profile, spec, status }: Verdict,
): Promise<Problem[]> {
  const live = await liveConnections(scope, deployment.id);
  const peerKey = profile.peerKey(spec.cloud);
  const rival = live.find(
    (other) =>
      (peerKey !== null && profile.peerKey(other.spec.cloud) === peerKey) ||
      (status.providerId !== null && other.status.providerId === status.providerId),
  );
  if (rival !== undefined) return [connectionExists(rival.id)];
  const { maxLivePerNetwork } = profile.capabilities;
  const [first] = live;
  const full = maxLivePerNetwork !== null && live.length >= maxLivePerNetwork && first !== undefined;
  return full ? [networkFull(first.id)] : [];
}

async function liveConnections(scope: TenantScope, deploymentId: string): Promise<PeeringRecord[]> {
  const found: PeeringRecord[] = [];
  let cursor: string | null = null;
  do {
    const filters = { deploymentIds: [deploymentId], states: NOT_DELETED };
    const page: Awaited<ReturnType<typeof peerings.list>> = await peerings.list(scope, filters, {
      limit: MAX_PAGE,
      cursor,
    });
    found.push(...page.items.filter(({ status }) => !mayRetry(status)));
    cursor = page.nextCursor;
  } while (cursor !== null);
  return found;
}

/** The answer: what would happen, or every problem in words. */
export function preflightView(
  { profile, spec, status }: Verdict,
  problems: readonly Problem[],
  locale: Locale,
  request: { readonly path: string; readonly id: string },
): PreflightView {
  const ok = problems.length === 0;
  return {
    ok,
    state: ok ? status.state : null,
    missing: missingFields(profile, spec.cloud, spec.cidrs),
    problems: problems.map((problem) => problemBody(problem, locale, request)),
  };
}
