import type { CloudId } from './cloud-port.js';

/** What the customer declared, by field name; the discriminator `kind` names the cloud. */
export type CloudSpec = { readonly kind: CloudId } & Readonly<Record<string, string>>;
