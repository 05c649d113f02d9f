import { isIPv4 } from 'node:net';

/** An IPv4 CIDR block by its first and last address, as unsigned 32-bit integers. */
export interface Ipv4Block {
  readonly first: number;
  readonly last: number;
  /** 0 to 32. */
  readonly prefixLength: number;
}

/** Reads `10.0.0.0/16`; host bits are dropped, as the clouds drop or refuse them. Undefined when malformed. */
export function parseIpv4Block(text: string): Ipv4Block | undefined {
  const [address, length, ...rest] = text.split('/');
  if (address === undefined || length === undefined || rest.length > 0) return undefined;
  if (!isIPv4(address) || !/^\d{1,2}$/.test(length)) return undefined;
  const prefixLength = Number(length);
  if (prefixLength > 32) return undefined;
  const number = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const size = 2 ** (32 - prefixLength);
  const first = number - (number % size);
  return { first, last: first + size - 1, prefixLength };
}

/** `10.0.0.0/16`, with host bits zero. */
export function formatIpv4Block({ first, prefixLength }: Ipv4Block): string {
  return `${first >>> 24}.${(first >>> 16) & 255}.${(first >>> 8) & 255}.${first & 255}/${prefixLength}`;
}

/** Whether the text is a CIDR block whose host bits are all zero. */
export function isCanonicalIpv4Block(text: string): boolean {
  const block = parseIpv4Block(text);
  return block !== undefined && formatIpv4Block(block) === text;
}

/** Whether two blocks, given as text, have an address in common. False when either is malformed. */
export function ipv4BlocksOverlap(one: string, other: string): boolean {
  const [a, b] = [parseIpv4Block(one), parseIpv4Block(other)];
  return a !== undefined && b !== undefined && a.first <= b.last && b.first <= a.last;
}

/** Whether every address of `inner` is in `outer`. False when either is malformed. */
export function ipv4BlockContains(outer: string, inner: string): boolean {
  const [a, b] = [parseIpv4Block(outer), parseIpv4Block(inner)];
  return a !== undefined && b !== undefined && a.first <= b.first && b.last <= a.last;
}
