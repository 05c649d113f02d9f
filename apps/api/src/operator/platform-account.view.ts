/** The platform's own accounts as operators see them: never with credentials. */
import type { CircuitRecord, PlatformAccountRecord } from '#database';
import { CLOUD_IDS } from '#domain';

import { isoTime, NULLABLE, Shows, ShowsId, ShowsText, ShowsTime } from '../http/view-fields.js';
import { circuitsOfAccount, CircuitView } from './circuit.view.js';

export class PlatformAccountView {
  @ShowsId('The account.', 'acct')
  id: string;

  @Shows('The cloud.', { type: 'string', enum: [...CLOUD_IDS], example: 'aws' })
  cloud: string;

  @ShowsText('Its number in the cloud; on Huawei Cloud the ID of its project.', '123456789012')
  accountId: string;

  @ShowsText('A name for people.', 'Production EU')
  displayName: string;

  @ShowsText('The kind of the stored credentials, which are never shown.', 'static')
  credentialsKind: string;

  @Shows('Endpoints in place of the cloud’s own, by service.', {
    type: 'object',
    additionalProperties: { type: 'string' },
    example: { ec2: 'http://127.0.0.1:4001' },
  })
  endpoints: Readonly<Record<string, string>>;

  @Shows(
    '`refused`: the cloud rejected the credentials, and nothing is asked of it until they are changed.',
    {
      type: 'string',
      enum: ['active', 'refused'],
      example: 'active',
    },
  )
  status: string;

  @ShowsText('Why, in the words of the cloud.', '')
  statusDetail: string;

  @ShowsTime('Since when.')
  statusAt: string;

  @Shows('Its circuit breakers that are or were open since it was last changed.', {
    type: CircuitView,
    isArray: true,
  })
  circuits: readonly CircuitView[];

  @ShowsTime('When it was made.')
  createdAt: string;

  @ShowsTime('When it was last changed.')
  updatedAt: string;
}

export class PlatformAccountPageView {
  @Shows('Newest first.', { type: PlatformAccountView, isArray: true })
  items: readonly PlatformAccountView[];

  @ShowsText('Pass it as `cursor` for the next page; null on the last.', 'c2FtcGxlIGFjY3RfMA', NULLABLE)
  nextCursor: string | null;
}

/** @param circuits of this account, and of others */
export function platformAccountView(
  record: PlatformAccountRecord,
  circuits: readonly CircuitRecord[],
): PlatformAccountView {
  const { statusAt, createdAt, updatedAt } = record;
  return {
    id: record.id,
    cloud: record.cloud,
    accountId: record.accountId,
    displayName: record.displayName,
    credentialsKind: record.credentialsKind,
    endpoints: record.endpoints,
    status: record.status,
    statusDetail: record.statusDetail,
    statusAt: isoTime(statusAt),
    circuits: circuitsOfAccount(circuits, record.id),
    createdAt: isoTime(createdAt),
    updatedAt: isoTime(updatedAt),
  };
}
