/** The platform's own accounts in the clouds, with their encrypted credentials. */
import type { CloudId } from '#domain';
import { newId } from '#runtime';

import { PlatformAccountEntity } from '../entities/platform-account.entity.js';
import type { Row } from '../entities/row.js';
import { InUse } from '../errors.js';
import type { Page, PageRequest, PlatformAccountRecord } from '../records.js';
import { transactionOf, type OperatorScope } from '../scope.js';
import { statement } from '../statement.js';
import { lookAgainAtAccount } from './due-again.js';
import { readPage } from './read-page.js';
import { toMs } from './time.js';

const toAccount = (row: Row<PlatformAccountEntity>): PlatformAccountRecord => ({
  id: row.id,
  cloud: row.cloud,
  accountId: row.accountId,
  displayName: row.displayName,
  credentialsKind: row.credentialsKind,
  endpoints: row.endpoints,
  status: row.status,
  statusDetail: row.statusDetail,
  statusAt: toMs(row.statusAt),
  createdAt: toMs(row.createdAt),
  updatedAt: toMs(row.updatedAt),
});

export interface NewPlatformAccount {
  readonly cloud: CloudId;
  /** The account number in the cloud. */
  readonly accountId: string;
  readonly displayName: string;
  /** The envelope of the encrypted credentials. */
  readonly credentials: Buffer;
  readonly credentialsKind: string;
  readonly endpoints: Readonly<Record<string, string>>;
}

/** @throws Duplicate (`platform_accounts_cloud_account_id_key`) */
export async function create(
  scope: OperatorScope,
  account: NewPlatformAccount,
): Promise<PlatformAccountRecord> {
  const at = new Date();
  const row: Row<PlatformAccountEntity> = {
    ...account,
    id: newId('acct', at.getTime()),
    endpoints: { ...account.endpoints },
    status: 'active',
    statusDetail: '',
    statusAt: at,
    createdAt: at,
    updatedAt: at,
  };
  await transactionOf(scope).manager.insert(PlatformAccountEntity, row);
  return toAccount(row);
}

/** One account; null when there is none. */
export async function get(scope: OperatorScope, id: string): Promise<PlatformAccountRecord | null> {
  const row = await transactionOf(scope).manager.findOneBy(PlatformAccountEntity, { id });
  return row ? toAccount(row) : null;
}

/** Accounts, newest first. @throws InvalidCursor */
export async function list(
  scope: OperatorScope,
  filters: { readonly cloud?: CloudId } = {},
  request: PageRequest = {},
): Promise<Page<PlatformAccountRecord>> {
  const where = filters.cloud === undefined ? {} : { cloud: filters.cloud };
  const { manager } = transactionOf(scope);
  return readPage(manager, PlatformAccountEntity, 'platform_accounts', where, request, toAccount);
}

export interface PlatformAccountChanges {
  readonly displayName?: string;
  readonly endpoints?: Readonly<Record<string, string>>;
  /** New credentials or endpoints make a refused account active again, and its deployments due. */
  readonly credentials?: { readonly envelope: Buffer; readonly kind: string };
}

/** What was found with another way of access says nothing about this one. */
const CLOSE_CIRCUITS = statement(
  'platform_accounts.close_circuits',
  'DELETE FROM cloud_circuits WHERE platform_account_id = $1',
);

/** @returns the account as it is now; null when there is none */
export async function update(
  scope: OperatorScope,
  id: string,
  changes: PlatformAccountChanges,
): Promise<PlatformAccountRecord | null> {
  const { displayName, endpoints, credentials } = changes;
  const at = new Date();
  const isOtherAccess = credentials !== undefined || endpoints !== undefined;
  const transaction = transactionOf(scope);
  await transaction.manager.update(
    PlatformAccountEntity,
    { id },
    {
      updatedAt: at,
      ...(displayName === undefined ? {} : { displayName }),
      ...(endpoints === undefined ? {} : { endpoints: { ...endpoints } }),
      ...(credentials === undefined
        ? {}
        : { credentials: credentials.envelope, credentialsKind: credentials.kind }),
      ...(isOtherAccess ? { status: 'active' as const, statusDetail: '', statusAt: at } : {}),
    },
  );
  if (isOtherAccess) {
    await transaction.rows(CLOSE_CIRCUITS, [id]);
    await lookAgainAtAccount((sql, values) => transaction.rows(sql, values), id, at.getTime());
  }
  return get(scope, id);
}

const USERS = statement<{ kind: string; id: string }>(
  'platform_accounts.users',
  `SELECT 'deployment' AS kind, id FROM deployments WHERE platform_account_id = $1 LIMIT 20`,
);

/** @returns whether there was one @throws InUse while deployments live in it */
export async function remove(scope: OperatorScope, id: string): Promise<boolean> {
  const { manager } = transactionOf(scope);
  const lock = { mode: 'pessimistic_write' } as const;
  const locked = await manager.findOne(PlatformAccountEntity, { where: { id }, lock });
  if (locked === null) return false;
  const users = await transactionOf(scope).rows(USERS, [id]);
  if (users.length > 0) throw new InUse(id, users);
  await manager.delete(PlatformAccountEntity, { id });
  return true;
}

/**
 * Puts every envelope through `renew`, for a change of encryption keys; null leaves one as it is.
 * @returns how many were written anew
 */
export async function renewCredentials(
  scope: OperatorScope,
  renew: (envelope: Buffer) => Buffer | null,
): Promise<number> {
  const { manager } = transactionOf(scope);
  const rows = await manager.find(PlatformAccountEntity, {
    order: { id: 'ASC' },
    lock: { mode: 'pessimistic_write' },
  });
  let renewed = 0;
  for (const { id, credentials } of rows) {
    const envelope = renew(credentials);
    if (envelope === null) continue;
    await manager.update(PlatformAccountEntity, { id }, { credentials: envelope });
    renewed += 1;
  }
  return renewed;
}
