/** Small changes of a status; each keeps what has not changed, with the time since when it is so. */
import type { Condition, ConditionType, Ending, PeeringStatus } from '../peering-connection.js';
import type { PeeringState } from '../peering-state.js';
import type { ReasonCode, ReasonParams } from '../reason.js';

export function move(
  status: PeeringStatus,
  state: PeeringState,
  code: ReasonCode,
  params: ReasonParams,
  now: number,
): PeeringStatus {
  return {
    ...status,
    state,
    stateSince: state === status.state ? status.stateSince : now,
    reason: reasonOf(status, code, params, now),
  };
}

export function reasonOf(
  status: PeeringStatus,
  code: ReasonCode,
  params: ReasonParams,
  now: number,
): PeeringStatus['reason'] {
  const same = status.reason.code === code && JSON.stringify(status.reason.params) === JSON.stringify(params);
  return same ? status.reason : { code, params, since: now };
}

export function ending(
  status: PeeringStatus,
  state: Ending['state'],
  code: ReasonCode,
  params: ReasonParams,
): PeeringStatus {
  return { ...status, ending: { state, reason: { code, params } } };
}

/** The ending of a connection whose cloud side has vanished: the cause follows from what it was before. */
export function ended(status: PeeringStatus): PeeringStatus {
  return status.established
    ? ending(status, 'failed', 'deleted_by_peer', {})
    : ending(status, 'failed', 'request_withdrawn', {});
}

export function withCondition(
  status: PeeringStatus,
  type: ConditionType,
  value: Condition['status'],
  reason: string,
  now: number,
): PeeringStatus {
  const old = status.conditions.find((condition) => condition.type === type);
  if (old?.status === value && old.reason === reason) return status;
  const next: Condition = {
    type,
    status: value,
    reason,
    lastTransitionAt: old?.status === value ? old.lastTransitionAt : now,
  };
  return {
    ...status,
    conditions: [...status.conditions.filter((condition) => condition.type !== type), next],
  };
}
