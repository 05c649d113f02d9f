import { AwsError } from './aws-error.js';
import type { Partition } from './aws-regions.js';
import type { AwsState, Home } from './aws-state.js';
import type { QueryParameters } from './query-parameters.js';
import type { XmlChildren } from './xml-document.js';

/** A verified call: who asks, where, and for what. */
export interface Ec2Call extends Home {
  readonly state: AwsState;
  readonly parameters: QueryParameters;
  readonly partition: Partition;
  /** Milliseconds since the epoch in simulated time. */
  readonly now: number;
}

/** An action of the EC2 API. */
export interface Ec2Operation {
  readonly readOnly: boolean;
  /** Its top-level parameters, without Action, Version and DryRun. */
  readonly parameters: readonly string[];
  /** Performs it; returns the children of the response element but the request id. Throws AwsError. */
  readonly run: (call: Ec2Call) => XmlChildren;
}

/** Actions by name. */
export type Ec2Operations = Readonly<Record<string, Ec2Operation>>;

/** What every operation that describes many takes. */
export const DESCRIBE_PARAMETERS = ['Filter', 'MaxResults', 'NextToken'] as const;

/** An action that changes nothing. */
export function reads(parameters: readonly string[], run: Ec2Operation['run']): Ec2Operation {
  return { readOnly: true, parameters, run };
}

/** An action that changes something. */
export function writes(parameters: readonly string[], run: Ec2Operation['run']): Ec2Operation {
  return { readOnly: false, parameters, run };
}

/** The kinds of id, with the code for a malformed one and the wording for an unknown one. */
const ID_KINDS = {
  vpc: { malformed: 'InvalidVpcID.Malformed', notFound: 'InvalidVpcID.NotFound', noun: 'vpc ID' },
  subnet: { malformed: 'InvalidSubnetID.Malformed', notFound: 'InvalidSubnetID.NotFound', noun: 'subnet ID' },
  rtb: {
    malformed: 'InvalidRouteTableId.Malformed',
    notFound: 'InvalidRouteTableID.NotFound',
    noun: 'routeTable ID',
  },
  pcx: {
    malformed: 'InvalidVpcPeeringConnectionId.Malformed',
    notFound: 'InvalidVpcPeeringConnectionID.NotFound',
    noun: 'vpcPeeringConnection ID',
  },
  sg: { malformed: 'InvalidGroupId.Malformed', notFound: 'InvalidGroup.NotFound', noun: 'security group' },
  sgr: {
    malformed: 'InvalidSecurityGroupRuleId.Malformed',
    notFound: 'InvalidSecurityGroupRuleId.NotFound',
    noun: 'security group rule ID',
  },
} as const;

/** A prefix of ids that operations look up. */
export type IdKind = keyof typeof ID_KINDS;

/** The resource does not exist, or is not the caller's to see: EC2 does not tell the two apart. */
export function notFound(kind: IdKind, id: string): AwsError {
  return new AwsError(ID_KINDS[kind].notFound, `The ${ID_KINDS[kind].noun} '${id}' does not exist`);
}

/** Throws the kind's Malformed error unless the id is the prefix and 8 or 17 hexadecimal digits. */
export function checkId(kind: IdKind, id: string): void {
  const digits = id.startsWith(`${kind}-`) ? id.slice(kind.length + 1) : '';
  if (!/^([0-9a-f]{8}|[0-9a-f]{17})$/.test(digits)) {
    throw new AwsError(ID_KINDS[kind].malformed, `Invalid id: "${id}" (expecting "${kind}-...")`);
  }
}

/** The caller's own resource by id, in the region that they call. Throws Malformed and NotFound. */
export function own<T extends Home>(
  call: Ec2Call,
  kind: IdKind,
  table: { get(id: string): T | undefined },
  id: string,
): T {
  checkId(kind, id);
  const found = table.get(id);
  if (found?.accountId !== call.accountId || found.region !== call.region) throw notFound(kind, id);
  return found;
}
