/**
 * Which addresses a connection may bring: not the reserved ranges, not the deployment's own, not those of another
 * live connection of the deployment, not each other's, and nothing that no VPC can route.
 */
import {
  blockAt,
  overlaps,
  parseAddress,
  parseCidr,
  type AddressRange,
  type CidrBlock,
  formatAddress,
} from './cidr.js';

/** A range of addresses that customers may not use, as an operator wrote it: both ends belong to it. */
export interface ReservedRange {
  readonly id: string;
  /** First address, or first /24 of the published notation, for example `10.10.0.0`. */
  readonly from: string;
  /** Last address, for example `10.64.255.255`. */
  readonly to: string;
  /** Published version that the range belongs to. */
  readonly version: number;
}

/** What is already taken around one deployment. */
export interface AddressPlan {
  readonly reserved: readonly ReservedRange[];
  readonly deploymentCidrs: readonly string[];
  /** The other live connections of the deployment. */
  readonly peers: readonly { readonly connectionId: string; readonly cidrs: readonly string[] }[];
}

/** One block that may not be used, and what it collides with. */
export interface AddressConflict {
  readonly kind: 'reserved' | 'deployment' | 'peering' | 'self' | 'unroutable';
  /** The offending block, as the customer or the cloud gave it. */
  readonly cidr: string;
  /** What it touches: a block, or `from-to` for a range. */
  readonly with: string;
  /** The other connection, for kind `peering`. */
  readonly connectionId?: string;
  /** The reserved range, for kind `reserved`. */
  readonly reservedRangeId?: string;
}

/** Special-purpose IPv4 blocks that no VPC routes (RFC 6890): this network, loopback, link-local, multicast, reserved. */
const UNROUTABLE: readonly CidrBlock[] = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3'].map(
  parseCidr,
);

/** Private blocks to suggest from, in the order in which customers like them (RFC 1918). */
const PRIVATE: readonly CidrBlock[] = ['172.16.0.0/12', '192.168.0.0/16', '10.0.0.0/8'].map(parseCidr);

/**
 * The interval of a reserved range.
 * @throws CidrError for an end that is no address; RangeError when `from` lies after `to`
 */
export function reservedInterval(range: Pick<ReservedRange, 'from' | 'to'>): AddressRange {
  const first = parseAddress(range.from);
  const last = parseAddress(range.to);
  if (first.family !== last.family || first.value > last.value) {
    throw new RangeError(`The reserved range ${range.from} ~ ${range.to} ends before it begins.`);
  }
  return { family: first.family, first: first.value, last: last.value };
}

/** Every conflict of the given blocks with the plan and with each other; empty when all may be used. */
export function findConflicts(candidates: readonly CidrBlock[], plan: AddressPlan): AddressConflict[] {
  if (candidates.length === 0) return [];
  const reserved = plan.reserved.map((range) => ({ range, interval: reservedInterval(range) }));
  const own = plan.deploymentCidrs.map(parseCidr);
  const peers = plan.peers.flatMap((peer) =>
    peer.cidrs.map((cidr) => ({ connectionId: peer.connectionId, block: parseCidr(cidr) })),
  );
  const conflicts: AddressConflict[] = [];
  candidates.forEach((block, index) => {
    for (const special of UNROUTABLE) {
      if (overlaps(block, special))
        conflicts.push({ kind: 'unroutable', cidr: block.text, with: special.text });
    }
    for (const { range, interval } of reserved) {
      if (overlaps(block, interval)) {
        conflicts.push({
          kind: 'reserved',
          cidr: block.text,
          with: `${range.from}-${range.to}`,
          reservedRangeId: range.id,
        });
      }
    }
    for (const other of own) {
      if (overlaps(block, other)) conflicts.push({ kind: 'deployment', cidr: block.text, with: other.text });
    }
    for (const { connectionId, block: other } of peers) {
      if (overlaps(block, other)) {
        conflicts.push({ kind: 'peering', cidr: block.text, with: other.text, connectionId });
      }
    }
    for (const other of candidates.slice(0, index)) {
      if (overlaps(block, other)) conflicts.push({ kind: 'self', cidr: block.text, with: other.text });
    }
  });
  return conflicts;
}

/**
 * Up to `count` private blocks of length `prefix` that conflict with nothing in the plan, lowest first within each
 * private range; the search jumps over what is taken, so its cost grows with what is taken and not with the space.
 */
export function suggestCidrs(plan: AddressPlan, prefix: number, count: number): string[] {
  const taken: AddressRange[] = [
    ...plan.reserved.map(reservedInterval),
    ...plan.deploymentCidrs.map(parseCidr),
    ...plan.peers.flatMap((peer) => peer.cidrs.map(parseCidr)),
  ];
  const found: string[] = [];
  for (const space of PRIVATE) {
    if (prefix < space.prefix) continue;
    let next = space.first;
    while (found.length < count && next <= space.last) {
      const candidate = blockAt(4, next, prefix);
      const inTheWay = taken.filter((range) => overlaps(candidate, range));
      if (inTheWay.length === 0) {
        found.push(candidate.text);
        next = candidate.last + 1n;
      } else {
        const end = inTheWay.reduce((last, range) => (range.last > last ? range.last : last), 0n);
        const size = candidate.last - candidate.first + 1n;
        next = (end / size + 1n) * size;
      }
    }
  }
  return found;
}

/** A range as people read it: `10.10.0.0 ~ 10.64.255.255`. */
export function describeInterval(range: AddressRange): string {
  return `${formatAddress(range.family, range.first)} ~ ${formatAddress(range.family, range.last)}`;
}
