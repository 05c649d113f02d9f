/**
 * What the core knows of a cloud without speaking to it: capabilities, what the customer gives, how a request is
 * recognised and checked, and what people are told. One profile per cloud under `clouds/`.
 */
import type { CallLimits } from './call-pace.js';
import type { Capabilities, CloudId, ObservedPeering, PeerSide } from './cloud-port.js';
import type { CloudSpec } from './cloud-spec.js';
import type { Locale } from './reason.js';
import type { PlatformNetwork } from './peering-connection.js';

/** One value that the customer gives, with enough to validate it and to show a form for it. */
export interface FieldSpec {
  readonly name: string;
  /** A draft may lack it; a complete request may not. */
  readonly required: boolean;
  /** ECMAScript regular expression of the whole value. */
  readonly pattern: string;
  readonly example: string;
  readonly title: Readonly<Record<Locale, string>>;
  /** What to type and where to find it. */
  readonly help: Readonly<Record<Locale, string>>;
}

/** How the platform's own account is named in a cloud: by what customers type there for the other side. */
export type PlatformAccountForm = Omit<FieldSpec, 'name' | 'required'>;

/** A difference between what was declared (or is owned) and what the cloud reports. */
export interface Mismatch {
  /** `requester`: not what this customer declared. `accepter`: not this deployment's VPC. */
  readonly side: 'requester' | 'accepter';
  /** The name of the field, as the customer knows it. */
  readonly field: string;
  readonly declared: string;
  readonly observed: string;
}

/** Something for a person to do, with everything filled in. */
export interface NextAction {
  readonly actor: 'customer' | 'operator';
  readonly code: NextActionCode;
  readonly title: string;
  readonly steps: readonly string[];
  /** Ready to paste. `console` is a place to click, the others are text to run. */
  readonly artifacts: Readonly<Partial<Record<'console' | 'cli' | 'terraform', string>>>;
}

export type NextActionCode =
  | 'create_peering_request'
  | 'complete_request_details'
  | 'check_request'
  | 'approve_ccn_attachment'
  | 'add_route'
  | 'allow_traffic'
  | 'activate_cdt'
  | 'choose_other_cidr'
  | 'enable_route'
  | 'approve_repair'
  | 'retry'
  | 'delete'
  | 'resolve_route_conflict'
  | 'contact_operator';

/** What instructions are written from. */
export interface InstructionContext {
  readonly network: PlatformNetwork;
  /** What the customer declared so far. */
  readonly spec: CloudSpec;
  /** The cloud's id of the connection, once known. */
  readonly providerId: string | null;
  /** The customer's blocks, once known. */
  readonly customerCidrs: readonly string[];
  readonly locale: Locale;
}

/** The instructions that are particular to a cloud. */
export interface CloudInstructions {
  /** What to create before the broker can do anything (shown in the offer and in drafts). */
  createRequest(context: InstructionContext): NextAction;
  /** The route that the customer adds on their side. */
  addRoute(context: InstructionContext): NextAction | null;
  /** The security-group rule that lets traffic in. */
  allowTraffic(context: InstructionContext): NextAction | null;
  /** How the customer approves, where the platform asks. */
  approve(context: InstructionContext): NextAction | null;
}

export interface CloudProfile {
  readonly cloud: CloudId;
  readonly capabilities: Capabilities;
  /** Documented limits of the vendor, or careful guesses; operators may set others. */
  readonly callLimits: CallLimits;
  readonly platformAccount: PlatformAccountForm;
  readonly fields: readonly FieldSpec[];
  /** Whether the customer must declare CIDRs, because the cloud does not report them. */
  readonly cidrsRequired: boolean;
  /** What identifies the customer's network for "one live connection per pair of VPCs"; null while unknown. */
  peerKey(spec: CloudSpec): string | null;
  /** What identifies the request in the cloud, as far as declared; null while unknown. */
  declaredProviderId(spec: CloudSpec): string | null;
  /** Where the platform asks: the account that owns what it asks to join; null elsewhere. */
  attachmentOwner(spec: CloudSpec): string | null;
  /**
   * The declared request among those of the platform VPC. `tiedTo` is the cloud's id of the request that the connection
   * was found to be about (its status' `providerId`), which decides where the declaration leaves a choice.
   */
  find(spec: CloudSpec, peerings: readonly ObservedPeering[], tiedTo: string | null): ObservedPeering | null;
  /** Every difference that forbids touching the request; empty when it is this customer's and meant for this VPC. */
  mismatches(spec: CloudSpec, network: PlatformNetwork, observed: ObservedPeering): Mismatch[];
  readonly instructions: CloudInstructions;
}

/** The customer's and the platform's side of an observed connection. */
export function sides(
  capabilities: Pick<Capabilities, 'initiator'>,
  observed: ObservedPeering,
): { readonly customer: PeerSide; readonly platform: PeerSide } {
  return capabilities.initiator === 'customer'
    ? { customer: observed.requester, platform: observed.accepter }
    : { customer: observed.accepter, platform: observed.requester };
}

/** The required fields that a draft still lacks, by name. */
export function missingFields(profile: CloudProfile, spec: CloudSpec, cidrs: readonly string[]): string[] {
  const missing = profile.fields
    .filter((field) => field.required && spec[field.name] === undefined)
    .map((field) => `cloud.${field.name}`);
  if (profile.cidrsRequired && cidrs.length === 0) missing.push('cidrs');
  return missing;
}
