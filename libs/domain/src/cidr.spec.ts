import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import {
  blockAt,
  CidrError,
  contains,
  formatAddress,
  overlaps,
  parseAddress,
  parseCidr,
  parseCidrs,
} from './cidr.js';

const octet = fc.integer({ min: 0, max: 255 });
const block = fc
  .tuple(octet, octet, octet, octet, fc.integer({ min: 0, max: 32 }))
  .map(([a, b, c, d, prefix]) => blockAt(4, parseAddress([a, b, c, d].map(String).join('.')).value, prefix));

/** The oracle's bounds of a block: another author's reading of the same notation. */
function bounds(text: string): { first: string; last: string } {
  return {
    first: ipaddr.IPv4.networkAddressFromCIDR(text).toString(),
    last: ipaddr.IPv4.broadcastAddressFromCIDR(text).toString(),
  };
}

describe('CIDR blocks', () => {
  it('cover the same addresses as another implementation says', () => {
    fc.assert(
      fc.property(block, ({ text }) => {
        const parsed = parseCidr(text);
        expect({ first: formatAddress(4, parsed.first), last: formatAddress(4, parsed.last) }).toEqual(
          bounds(text),
        );
        expect(parsed.text).toBe(text);
      }),
    );
  });

  it('overlap exactly when one of them contains the first address of the other', () => {
    fc.assert(
      fc.property(block, block, (a, b) => {
        const [addressA, addressB] = [a, b].map((each) => ipaddr.IPv4.parse(formatAddress(4, each.first)));
        const expected =
          addressA!.match(ipaddr.IPv4.parseCIDR(b.text)) || addressB!.match(ipaddr.IPv4.parseCIDR(a.text));
        expect(overlaps(a, b)).toBe(expected);
        expect(overlaps(b, a)).toBe(expected);
        expect(contains(a, b)).toBe(expected && a.prefix <= b.prefix);
      }),
    );
  });

  it('are refused exactly when the address is not the network address', () => {
    fc.assert(
      fc.property(octet, octet, octet, octet, fc.integer({ min: 0, max: 32 }), (a, b, c, d, prefix) => {
        const text = `${[a, b, c, d].map(String).join('.')}/${String(prefix)}`;
        const network = ipaddr.IPv4.networkAddressFromCIDR(text).toString();
        if (text.startsWith(`${network}/`)) expect(parseCidr(text).text).toBe(text);
        else expect(() => parseCidr(text)).toThrow(expect.objectContaining({ problem: 'host_bits_set' }));
      }),
    );
  });

  it.each([
    ['10.0.0.0', 'not_cidr', 'Add one, for example 10.0.0.0/16.'],
    ['', 'not_cidr', 'Add one, for example 172.16.0.0/16.'],
    ['10.0.0/8', 'not_cidr', 'Write it like 172.16.0.0/16.'],
    ['10.0.0.0.0/8', 'not_cidr', 'Write it like 172.16.0.0/16.'],
    ['10.0.256.0/24', 'bad_octet', 'Each of the four numbers of an IPv4 address is between 0 and 255.'],
    ['10.0.0x1.0/24', 'bad_octet', 'Each of the four numbers of an IPv4 address is between 0 and 255.'],
    ['10.010.0.0/16', 'leading_zero', 'Write 10 in place of 010 if the decimal number is meant.'],
    ['10.0.0.0/33', 'bad_prefix', 'Give the prefix length as a plain number, for example /16.'],
    ['10.0.0.0/08', 'bad_prefix', 'Give the prefix length as a plain number, for example /16.'],
    ['10.0.0.0/', 'bad_prefix', 'Give the prefix length as a plain number, for example /16.'],
    ['10.0.0.0/16 ', 'bad_prefix', 'Give the prefix length as a plain number, for example /16.'],
    ['172.16.5.4/16', 'host_bits_set', 'Write 172.16.0.0/16 for the network that contains it.'],
    ['fd00::/8', 'ipv6_unsupported', 'Give the IPv4 blocks of the VPC.'],
  ])('%j is refused as %s, with the fix', (text, problem, fix) => {
    let caught: unknown;
    try {
      parseCidr(text);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(CidrError);
    expect(caught).toMatchObject({ problem, fix, input: text });
  });

  it('are never accepted from arbitrary text that another implementation refuses', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'0123456789./ -x:'.split(/(?:)/)), maxLength: 20 }),
        (text) => {
          let ours = true;
          try {
            parseCidr(text);
          } catch {
            ours = false;
          }
          if (ours) expect(ipaddr.IPv4.isValidCIDRFourPartDecimal(text)).toBe(true);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('lists drop repetitions and keep their order', () => {
    expect(parseCidrs(['172.17.0.0/16', '172.16.0.0/16', '172.17.0.0/16']).map((each) => each.text)).toEqual([
      '172.17.0.0/16',
      '172.16.0.0/16',
    ]);
  });
});
