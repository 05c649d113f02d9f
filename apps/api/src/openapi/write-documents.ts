/** Writes both documents of the API into a folder: `node write-documents.js docs`. Needs no database. */
import 'reflect-metadata';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { generateDocuments } from './documents.js';

const folder = process.argv[2] ?? 'docs';
for (const [name, document] of Object.entries(await generateDocuments())) {
  await writeFile(join(folder, name), `${JSON.stringify(document, null, 2)}\n`);
}
