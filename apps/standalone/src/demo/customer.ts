/** A customer of one simulated cloud: acts with the vendor's own means, as in the real one. */
import type { CloudAccount } from '../credentials.js';

/** What a customer is shown before they begin: the part of the offer that they need. */
export interface Offer {
  readonly region: string;
  readonly platform: {
    readonly accountId: string;
    readonly vpcId: string;
    readonly cidrs: readonly string[];
  };
}

/** What the customer has made in their account, and hands to the broker. */
export interface Asked {
  /** The body's `spec`. */
  readonly spec: { readonly cloud: Readonly<Record<string, string>>; readonly cidrs?: readonly string[] };
  /** The id that the customer sees in their console. */
  readonly id: string;
}

export interface Customer {
  /** Makes a network of this block and whatever the platform is to join or accept. */
  ask(offer: Offer, block: string): Promise<Asked>;
  /** Where the platform asks: agrees to its request. */
  approve?(offer: Offer, asked: Asked): Promise<void>;
}

/** Opens the customer's account at the simulator of a cloud. */
export type OpenCustomer = (endpoint: string, account: CloudAccount, region: string) => Customer;

/** @throws Error when a call that makes something was answered without its id */
export function given(id: string | undefined | null, operation: string): string {
  if (id === undefined || id === null || id === '')
    throw new Error(`${operation} was answered without an id.`);
  return id;
}
