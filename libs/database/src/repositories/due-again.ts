/** Makes the engine look at once at what it has put off, when the reason for that is gone. */
import type { CloudId } from '#domain';

import { statement } from '../statement.js';
import type { RunStatement } from './address-plan.js';

/**
 * SQL for moving a due time that was read before. Somebody may have asked for an earlier look in the meantime, which
 * leaves the version as it is: then the earlier of both times counts. What was read has milliseconds, and what an operator
 * writes with now() has more: that is no other time.
 * @param current the column @param was as it was read @param next as it is to be
 */
export function movedDueAt(current: string, was: string, next: string): string {
  return `CASE WHEN date_trunc('milliseconds', ${current}) IS NOT DISTINCT FROM ${was} THEN ${next} ELSE least(${current}, ${next}) END`;
}

/**
 * SQL that brings forward what deployments have put off, and gives the ids of what it has left as it is. Connections are
 * locked before deployments and both in the order of their ids, as by every writer of many.
 * @param again gives `id` and `at` of deployments @param whatIsLocked what becomes of rows that somebody else holds locked
 * @param among a condition on an id
 */
const bringForward = (
  again: string,
  whatIsLocked: 'SKIP LOCKED' | '' = '',
  among: (id: string) => string = () => 'true',
): string => `WITH again AS MATERIALIZED (${again}), late_connections AS MATERIALIZED (
     SELECT p.id, again.at FROM again JOIN peering_connections p ON p.deployment_id = again.id
     WHERE p.due_at > again.at AND ${among('p.id')}
     ORDER BY p.id FOR NO KEY UPDATE OF p ${whatIsLocked}
   ), late_checks AS MATERIALIZED (
     SELECT d.id, again.at FROM again JOIN deployments d ON d.id = again.id
     WHERE d.vpc_check_due_at > again.at AND ${among('d.id')} AND (SELECT count(*) FROM late_connections) >= 0
     ORDER BY d.id FOR NO KEY UPDATE OF d ${whatIsLocked}
   ), checks AS (
     UPDATE deployments d SET vpc_check_due_at = late.at FROM late_checks late WHERE d.id = late.id
   ), connections AS (
     UPDATE peering_connections p SET due_at = late.at FROM late_connections late WHERE p.id = late.id
   )
   SELECT p.id FROM again JOIN peering_connections p ON p.deployment_id = again.id
   WHERE p.due_at > again.at AND ${among('p.id')} AND p.id NOT IN (SELECT id FROM late_connections)
   UNION ALL
   SELECT d.id FROM again JOIN deployments d ON d.id = again.id
   WHERE d.vpc_check_due_at > again.at AND ${among('d.id')} AND d.id NOT IN (SELECT id FROM late_checks)`;

const OF_ACCOUNT = statement(
  'due_again.of_account',
  bringForward('SELECT id, $2::timestamptz AS at FROM deployments WHERE platform_account_id = $1'),
);

const OF_CLOUD = statement(
  'due_again.of_cloud',
  bringForward(
    'SELECT id, $3::timestamptz AS at FROM deployments WHERE cloud = $1 AND ($2::text IS NULL OR region = $2)',
  ),
);

/** The platform account can be used again, or is another one. @param at epoch milliseconds */
export async function lookAgainAtAccount(run: RunStatement, accountId: string, at: number): Promise<void> {
  await run(OF_ACCOUNT, [accountId, new Date(at)]);
}

/** The cloud, or with `region` one region of it, is no longer paused. @param at epoch milliseconds */
export async function lookAgainAtCloud(
  run: RunStatement,
  cloud: CloudId,
  region: string | null,
  at: number,
): Promise<void> {
  await run(OF_CLOUD, [cloud, region, new Date(at)]);
}

/** Deployments taken up again in a second, when many have waited for the same thing; and the longest that it may take. */
const A_SECOND = 20;
const LONGEST_SECONDS = 15;

const SPREAD = `SELECT id, date_trunc('milliseconds', $3::timestamptz
       + random() * least(count(*) OVER ()::float8 / ${A_SECOND}, ${LONGEST_SECONDS}) * interval '1 second') AS at
     FROM deployments WHERE platform_account_id = $1 AND ($2::text IS NULL OR region = $2)`;

const BIT_BY_BIT = statement<{ id: string }>('due_again.bit_by_bit', bringForward(SPREAD, 'SKIP LOCKED'));

const amongGiven = (id: string): string => `${id} = ANY ($4::text[])`;

const LEFT = statement<{ id: string }>('due_again.left', bringForward(SPREAD, 'SKIP LOCKED', amongGiven));

const LEFT_AND_LOCKED = statement('due_again.left_and_locked', bringForward(SPREAD, '', amongGiven));

/**
 * The cloud, or with `region` one region of it, answers the platform account again: its deployments are due, not all at
 * once. Waits for nothing that somebody holds locked. @param at epoch milliseconds
 * @returns what was locked, for {@link lookAgainAtLeft} when the transaction has ended
 */
export async function lookAgainBitByBit(
  run: RunStatement,
  accountId: string,
  region: string | null,
  at: number,
): Promise<string[]> {
  return (await run(BIT_BY_BIT, [accountId, region, new Date(at)])).map(({ id }) => id);
}

/**
 * What {@link lookAgainBitByBit} has left. Most of it was being written and is free by now; the rest is waited for.
 * @param run runs each statement in a transaction of its own @param ids of connections and deployments
 */
export async function lookAgainAtLeft(
  run: RunStatement,
  accountId: string,
  region: string | null,
  at: number,
  ids: readonly string[],
): Promise<void> {
  const values = [accountId, region, new Date(at)];
  const left = await run(LEFT, [...values, ids]);
  if (left.length > 0) await run(LEFT_AND_LOCKED, [...values, left.map(({ id }) => id)]);
}
