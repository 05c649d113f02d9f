import { ipv4BlocksOverlap } from '../ipv4-block.js';
import {
  attachmentId,
  newId,
  type Attachment,
  type CcnRoute,
  type TencentState,
  type Vpc,
} from './tencent-state.js';

/** The blocks that a CCN learns from a VPC: its subnets', or its own where it publishes those. */
export function publishedCidrs(state: TencentState, vpc: Vpc): readonly string[] {
  if (vpc.publishesCidr) return [vpc.cidr, ...vpc.assistantCidrs];
  return state.subnets.by('vpc', vpc.id).map((subnet) => subnet.cidr);
}

/** An enabled route of another VPC in the CCN that has an address in common; undefined when there is none. */
export function conflictOf(
  state: TencentState,
  route: Pick<CcnRoute, 'ccnId' | 'vpcId' | 'cidr'>,
): CcnRoute | undefined {
  return state.routes
    .by('ccn', route.ccnId)
    .find(
      (other) => other.enabled && other.vpcId !== route.vpcId && ipv4BlocksOverlap(other.cidr, route.cidr),
    );
}

/**
 * Brings a CCN's routes to what one VPC in it publishes. A route that overlaps an enabled one is learned disabled;
 * one that is known keeps being enabled or not.
 */
export function learnRoutesOf(state: TencentState, attachment: Attachment): void {
  const { ccnId, vpcId, instanceUin, region } = attachment;
  const vpc = state.vpcs.get(vpcId);
  const published = vpc === undefined ? [] : publishedCidrs(state, vpc);
  const known = state.routes.by('attachment', attachmentId(attachment));
  for (const route of known) if (!published.includes(route.cidr)) state.routes.remove(route.id);
  for (const cidr of published) {
    if (known.some((route) => route.cidr === cidr)) continue;
    const route = { ccnId, cidr, vpcId, instanceUin, region, updatedAt: state.clock.now() };
    state.routes.put({ ...route, id: newId('ccnr'), enabled: conflictOf(state, route) === undefined });
  }
}

/** After a change of what a VPC publishes: tells the CCN that it is in. */
export function republish(state: TencentState, vpcId: string): void {
  for (const attachment of state.attachments.by('vpc', vpcId)) {
    if (attachment.state === 'ACTIVE') learnRoutesOf(state, attachment);
  }
}

/** Takes the routes of one VPC out of a CCN. What they had displaced stays disabled until its owner enables it. */
export function forgetRoutesOf(state: TencentState, attachment: Attachment): void {
  for (const route of state.routes.by('attachment', attachmentId(attachment))) state.routes.remove(route.id);
}
