import { readFile } from 'node:fs/promises';

import type { CloudId } from '#domain';

import type { ApiKey } from './database-setup.js';
import { writePrivateFile, type DataFolder } from './data-folder.js';

/** An account of a simulated cloud. Which further values there are depends on the cloud. */
export interface CloudAccount {
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly [attribute: string]: string;
}

/** What `credentials.json` holds: everything that a person or a script needs to go on from `npm start`. */
export interface Credentials {
  readonly apiUrl: string;
  /** The control API of the simulators. */
  readonly simulatorUrl: string;
  readonly operator: ApiKey;
  readonly tenants: readonly (ApiKey & {
    readonly id: string;
    /** Ids of deployments by cloud. */
    readonly deployments: Readonly<Partial<Record<CloudId, string>>>;
  })[];
  readonly clouds: Readonly<
    Partial<
      Record<
        CloudId,
        { readonly endpoint: string; readonly platform: CloudAccount; readonly customer: CloudAccount }
      >
    >
  >;
}

/** What an earlier run has written; null when there is nothing or it cannot be understood. */
export async function readCredentials({ credentials }: DataFolder): Promise<Credentials | null> {
  try {
    return JSON.parse(await readFile(credentials, 'utf8')) as Credentials;
  } catch {
    return null;
  }
}

/** Replaces the file; only its owner can read it. */
export async function writeCredentials({ credentials }: DataFolder, content: Credentials): Promise<void> {
  await writePrivateFile(credentials, `${JSON.stringify(content, null, 2)}\n`);
}
