/** What the database has written down of every connection, and whether it can be true. */
import pg from 'pg';

export interface Row {
  readonly id: string;
  readonly displayName: string;
  readonly state: string;
  readonly providerId: string | null;
  readonly live: boolean;
  readonly claims: number;
}

export interface Told {
  readonly id: string;
  readonly connectionId: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface History {
  readonly rows: readonly Row[];
  /** In the order in which they were told. */
  readonly events: readonly Told[];
  /** Deployments whose lease somebody still holds. */
  readonly leased: readonly string[];
}

export async function readHistory(url: string): Promise<History> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const rows = await client.query<Row>(
      `SELECT id, display_name AS "displayName", state, provider_id AS "providerId", live,
         (SELECT count(*)::int FROM address_claims WHERE connection_id = c.id) AS claims
       FROM peering_connections c ORDER BY id`,
    );
    const events = await client.query<Told>(
      `SELECT id, connection_id AS "connectionId", type, data FROM connection_events ORDER BY seq`,
    );
    const leased = await client.query<{ id: string }>(
      'SELECT id FROM deployments WHERE lease_owner IS NOT NULL AND lease_until > now()',
    );
    return { rows: rows.rows, events: events.rows, leased: leased.rows.map(({ id }) => id) };
  } finally {
    await client.end();
  }
}

/** What cannot be in the events of one connection that is in this state now. */
export function brokenLinks(events: readonly Told[], stateNow: string): string[] {
  const broken: string[] = [];
  let state: unknown = null;
  let previous = '';
  for (const { type, data } of events) {
    const { from, to } = data;
    const told = JSON.stringify([type, data]);
    if (type === 'peering.created') {
      if (state !== null) broken.push('created twice');
      state = data['state'];
    } else if (type === 'peering.deletion_requested') {
      if (state === 'deleting') broken.push('deletion requested twice');
      state = 'deleting';
    } else if (to !== undefined) {
      if (from !== state) broken.push(`${told} follows ${String(state)}`);
      if (told === previous && type === 'peering.state_changed') broken.push(`${told} twice`);
      state = to;
    }
    previous = told;
  }
  if (state !== stateNow) broken.push(`the last state told is ${String(state)}, the state is ${stateNow}`);
  return broken;
}
