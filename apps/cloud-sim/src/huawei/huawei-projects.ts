import { createHash } from 'node:crypto';
import type { Account } from '../accounts.js';

/** Regions, each of which an account has one project in, named after the region. */
export const REGIONS: readonly string[] = [
  'cn-north-4',
  'cn-north-1',
  'cn-north-9',
  'cn-east-2',
  'cn-east-3',
  'cn-south-1',
  'cn-southwest-2',
  'ap-southeast-1',
  'ap-southeast-2',
  'ap-southeast-3',
  'ap-southeast-4',
  'af-south-1',
  'la-north-2',
  'la-south-2',
  'na-mexico-1',
  'sa-brazil-1',
  'tr-west-1',
  'me-east-1',
  'eu-west-101',
];

/** A project: what owns resources, and what the API calls tenant. */
export interface Project {
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly accountId: string;
  readonly region: string;
}

/**
 * The projects of an account. The id of an account in this simulator is that of its project in the first region: it is
 * what the other side of a peering has to be given.
 */
export function projectsOf({ accountId }: Pick<Account, 'accountId'>): readonly Project[] {
  const known = cache.get(accountId);
  if (known) return known;
  const projects = REGIONS.map((region, index) => ({
    id: index === 0 ? accountId : hexId(`${accountId}/${region}`),
    accountId,
    region,
  }));
  cache.set(accountId, projects);
  return projects;
}

const cache = new Map<string, readonly Project[]>();

/** The project of an account by id. */
export function projectOf(account: Pick<Account, 'accountId'>, id: string): Project | undefined {
  return projectsOf(account).find((project) => project.id === id);
}

/** An id of 32 hexadecimal digits that is always the same for the same text. */
export function hexId(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
