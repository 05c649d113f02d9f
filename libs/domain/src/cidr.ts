/**
 * CIDR blocks and address ranges as closed integer intervals.
 *
 * A block carries its address family, so that IPv6 can join without changing a caller; today only IPv4 parses.
 * Addresses are bigints because an IPv6 address does not fit a double.
 */

/** The address families that a block may belong to. */
export type IpFamily = 4 | 6;

/** A closed interval of addresses: `first` and `last` both belong to it. */
export interface AddressRange {
  readonly family: IpFamily;
  readonly first: bigint;
  readonly last: bigint;
}

/** A network in CIDR notation, in canonical text (`172.16.0.0/12`), with the interval that it covers. */
export interface CidrBlock extends AddressRange {
  readonly text: string;
  /** Prefix length in bits. */
  readonly prefix: number;
}

/** What is wrong with a text that should have been a CIDR block or an address. */
export type CidrProblem =
  'not_cidr' | 'bad_octet' | 'leading_zero' | 'bad_prefix' | 'host_bits_set' | 'ipv6_unsupported';

/** Thrown by {@link parseCidr} and {@link parseAddress}; `fix` is a sentence that tells the person what to type. */
export class CidrError extends Error {
  constructor(
    readonly problem: CidrProblem,
    readonly input: string,
    message: string,
    readonly fix: string,
  ) {
    super(message);
    this.name = 'CidrError';
  }
}

const IPV4_BITS = 32;

function parseIpv4(text: string, input: string): bigint {
  const octets = text.split('.');
  if (octets.length !== 4) {
    throw new CidrError(
      'not_cidr',
      input,
      `"${input}" is not an IPv4 network: an IPv4 address has four numbers separated by dots.`,
      'Write it like 172.16.0.0/16.',
    );
  }
  let address = 0n;
  for (const octet of octets) {
    if (!/^\d{1,3}$/.test(octet) || Number(octet) > 255) {
      throw new CidrError(
        'bad_octet',
        input,
        `"${octet}" in "${input}" is not a number from 0 to 255.`,
        'Each of the four numbers of an IPv4 address is between 0 and 255.',
      );
    }
    if (octet.length > 1 && octet.startsWith('0')) {
      throw new CidrError(
        'leading_zero',
        input,
        `"${octet}" in "${input}" has a leading zero, which some systems read as octal.`,
        `Write ${String(Number(octet))} in place of ${octet} if the decimal number is meant.`,
      );
    }
    address = (address << 8n) | BigInt(octet);
  }
  return address;
}

/** The text of an address given as an integer. */
export function formatAddress(family: IpFamily, address: bigint): string {
  if (family === 6) throw new RangeError('IPv6 addresses are not formatted yet');
  return [24n, 16n, 8n, 0n].map((shift) => String((address >> shift) & 0xffn)).join('.');
}

/** Reads one IPv4 address. @throws CidrError */
export function parseAddress(input: string): { readonly family: IpFamily; readonly value: bigint } {
  rejectIpv6(input);
  return { family: 4, value: parseIpv4(input, input) };
}

function rejectIpv6(input: string): void {
  if (input.includes(':')) {
    throw new CidrError(
      'ipv6_unsupported',
      input,
      `"${input}" is an IPv6 network; connections carry IPv4 only.`,
      'Give the IPv4 blocks of the VPC.',
    );
  }
}

/**
 * Reads a block strictly: four decimal octets without leading zeros, a prefix of 0 to 32, no host bits set.
 * @throws CidrError naming the problem and the fix (for host bits, the network that was probably meant)
 */
export function parseCidr(input: string): CidrBlock {
  rejectIpv6(input);
  const slash = input.indexOf('/');
  if (slash < 0) {
    throw new CidrError(
      'not_cidr',
      input,
      `"${input}" has no prefix length.`,
      `Add one, for example ${/^[\d.]+$/.test(input) && input !== '' ? input : '172.16.0.0'}/16.`,
    );
  }
  const address = parseIpv4(input.slice(0, slash), input);
  const prefixText = input.slice(slash + 1);
  if (!/^(0|[1-9]\d?)$/.test(prefixText) || Number(prefixText) > IPV4_BITS) {
    throw new CidrError(
      'bad_prefix',
      input,
      `"${prefixText}" in "${input}" is not a prefix length from 0 to 32.`,
      'Give the prefix length as a plain number, for example /16.',
    );
  }
  const prefix = Number(prefixText);
  const block = blockAt(4, address, prefix);
  if (block.first !== address) {
    throw new CidrError(
      'host_bits_set',
      input,
      `"${input}" has host bits set: it names an address inside a network, not the network.`,
      `Write ${block.text} for the network that contains it.`,
    );
  }
  return block;
}

/** The block of length `prefix` that contains `address`. */
export function blockAt(family: IpFamily, address: bigint, prefix: number): CidrBlock {
  const size = 1n << BigInt(IPV4_BITS - prefix);
  const first = (address / size) * size;
  return {
    family,
    first,
    last: first + size - 1n,
    prefix,
    text: `${formatAddress(family, first)}/${String(prefix)}`,
  };
}

/** Whether two intervals have an address in common. Different families never do. */
export function overlaps(a: AddressRange, b: AddressRange): boolean {
  return a.family === b.family && a.first <= b.last && b.first <= a.last;
}

/** Whether every address of `inner` lies in `outer`. */
export function contains(outer: AddressRange, inner: AddressRange): boolean {
  return outer.family === inner.family && outer.first <= inner.first && inner.last <= outer.last;
}

/**
 * Reads a list of blocks, dropping exact repetitions.
 * @throws CidrError for the first block that does not parse
 */
export function parseCidrs(inputs: readonly string[]): CidrBlock[] {
  const blocks = new Map<string, CidrBlock>();
  for (const input of inputs) {
    const block = parseCidr(input);
    blocks.set(block.text, block);
  }
  return [...blocks.values()];
}
