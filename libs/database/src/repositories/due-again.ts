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

const OF_ACCOUNT = statement(
  'due_again.of_account',
  `WITH checks AS (
     UPDATE deployments SET vpc_check_due_at = $2 WHERE platform_account_id = $1 AND vpc_check_due_at > $2
   )
   UPDATE peering_connections p SET due_at = $2 FROM deployments d
   WHERE d.platform_account_id = $1 AND p.deployment_id = d.id AND p.due_at > $2`,
);

const OF_CLOUD = statement(
  'due_again.of_cloud',
  `WITH checks AS (
     UPDATE deployments SET vpc_check_due_at = $3
     WHERE cloud = $1 AND ($2::text IS NULL OR region = $2) AND vpc_check_due_at > $3
   )
   UPDATE peering_connections SET due_at = $3
   WHERE cloud = $1 AND ($2::text IS NULL OR region = $2) AND due_at > $3`,
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

const BIT_BY_BIT = statement(
  'due_again.bit_by_bit',
  `WITH again AS (
     SELECT id, date_trunc('milliseconds', $3::timestamptz
       + random() * least(count(*) OVER ()::float8 / ${A_SECOND}, ${LONGEST_SECONDS}) * interval '1 second') AS at
     FROM deployments WHERE platform_account_id = $1 AND ($2::text IS NULL OR region = $2)
   ), checks AS (
     UPDATE deployments d SET vpc_check_due_at = again.at FROM again WHERE d.id = again.id AND d.vpc_check_due_at > again.at
   )
   UPDATE peering_connections p SET due_at = again.at FROM again
   WHERE p.deployment_id = again.id AND p.due_at > again.at`,
);

/**
 * The cloud, or with `region` one region of it, answers the platform account again: its deployments are due, not all at
 * once. @param at epoch milliseconds
 */
export async function lookAgainBitByBit(
  run: RunStatement,
  accountId: string,
  region: string | null,
  at: number,
): Promise<void> {
  await run(BIT_BY_BIT, [accountId, region, new Date(at)]);
}
