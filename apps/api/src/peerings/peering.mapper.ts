/** From what is stored to what is shown. Pure: the same record, time and language give the same view. */
import type { PeeringRecord } from '#database';
import { nextActions, profileOf, reasonMessage, sides, type Locale, type PeerSide } from '#domain';

import { isoTime, isoTimeOrNull } from '../http/view-fields.js';
import type { DeadlineView, ObservedView, PeeringView } from './peering.view.js';

/** @param now epoch milliseconds, for the time that is left */
export function peeringView(record: PeeringRecord, locale: Locale, now: number): PeeringView {
  const { status, network } = record;
  return {
    id: record.id,
    deploymentId: record.deploymentId,
    cloud: record.cloud,
    region: record.region,
    displayName: record.displayName,
    spec: record.spec,
    status: {
      state: status.state,
      ready: status.state === 'running',
      reason: {
        code: status.reason.code,
        message: reasonMessage(status.reason, locale),
        since: isoTime(status.reason.since),
      },
      conditions: status.conditions.map((condition) => ({
        ...condition,
        lastTransitionAt: isoTime(condition.lastTransitionAt),
      })),
      observed: observedView(record),
      deadline: deadlineView(record, now),
      lastObservedAt: isoTimeOrNull(record.lastObservedAt),
      nextCheckAt: isoTimeOrNull(record.dueAt),
      nextActions: nextActions(record, network, profileOf(record.cloud), locale),
    },
    version: record.version,
    createdAt: isoTime(record.createdAt),
    updatedAt: isoTime(record.updatedAt),
  };
}

function observedView({ status: { lastSeen }, cloud }: PeeringRecord): ObservedView | null {
  if (lastSeen === null) return null;
  const { peering, since } = lastSeen;
  return {
    providerId: peering.providerId,
    providerState: peering.providerState,
    ...(peering.providerMessage === undefined ? {} : { providerMessage: peering.providerMessage }),
    requester: peering.requester,
    accepter: peering.accepter,
    cidrs: customerSide(profileOf(cloud).capabilities, peering).cidrs,
    at: isoTime(since),
  };
}

function customerSide(...of: Parameters<typeof sides>): PeerSide {
  return sides(...of).customer;
}

function deadlineView({ status: { deadline } }: PeeringRecord, now: number): DeadlineView | null {
  if (deadline === null) return null;
  return {
    kind: deadline.kind,
    at: isoTime(deadline.at),
    remainingSeconds: Math.max(0, Math.ceil((deadline.at - now) / 1000)),
  };
}
