/** The circuit breakers of the platform's accounts, as operators see them. */
import type { CircuitRecord } from '#database';
import { CIRCUIT_KINDS, CIRCUIT_STATES } from '#domain';

import { isoTime, isoTimeOrNull, NULLABLE, Shows, ShowsText, ShowsTime } from '../http/view-fields.js';

export class CircuitView {
  @Shows(
    'What it guards against: `outage`, the region does not answer; `credentials`, the account is refused.',
    {
      type: 'string',
      enum: [...CIRCUIT_KINDS],
      example: 'outage',
    },
  )
  kind: string;

  @ShowsText('The region; null: all of them, as with credentials.', 'eu-central-1', NULLABLE)
  region: string | null;

  @Shows(
    '`closed`: the cloud is asked as usual. `open`: nothing is asked until `nextAttemptAt`. `half_open`: one look is being tried.',
    { type: 'string', enum: [...CIRCUIT_STATES], example: 'open' },
  )
  state: string;

  @ShowsTime('Since when.')
  since: string;

  @ShowsText('The code of the latest failure, the cloud’s or the network’s.', 'Timeout', NULLABLE)
  causeCode: string | null;

  @ShowsText('The latest failure in words.', 'no answer within 10000 ms', NULLABLE)
  causeMessage: string | null;

  @ShowsTime('When it is tried next; null while closed.', NULLABLE)
  nextAttemptAt: string | null;
}

function circuitView({ kind, region, circuit }: CircuitRecord): CircuitView {
  const { state, since, cause, nextAttemptAt } = circuit;
  return {
    kind,
    region: region === '' ? null : region,
    state,
    since: isoTime(since),
    causeCode: cause?.code ?? null,
    causeMessage: cause?.message ?? null,
    nextAttemptAt: isoTimeOrNull(nextAttemptAt),
  };
}

/** Those that are about one platform account. */
export function circuitsOfAccount(circuits: readonly CircuitRecord[], accountId: string): CircuitView[] {
  return circuits.filter(({ platformAccountId }) => platformAccountId === accountId).map(circuitView);
}
