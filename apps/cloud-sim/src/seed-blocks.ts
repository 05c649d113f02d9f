import { ControlError } from './control-fields.js';
import { formatIpv4Block, parseIpv4Block } from './ipv4-block.js';

/** Which blocks a bulk seeding hands out. */
export interface BlockSeed {
  readonly count: number;
  /** The IPv4 block that they are cut from, from its start. */
  readonly from: string;
  readonly prefixLength: number;
}

/** `count` blocks of one size, one after another. Throws ControlError 400 when `from` is none or too small. */
export function consecutiveBlocks({ count, from, prefixLength }: BlockSeed): string[] {
  const range = parseIpv4Block(from);
  const size = 2 ** (32 - prefixLength);
  if (range === undefined) {
    throw new ControlError(400, `Field "from" must be an IPv4 CIDR block, not "${from}".`);
  }
  if (range.first + size * count - 1 > range.last) {
    throw new ControlError(400, `${from} does not hold ${count} blocks of /${prefixLength}.`);
  }
  return Array.from({ length: count }, (_, index) => {
    const first = range.first + size * index;
    return formatIpv4Block({ first, last: first + size - 1, prefixLength });
  });
}
