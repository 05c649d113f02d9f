import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { findConflicts, reservedInterval, suggestCidrs, type AddressPlan } from './address-plan.js';
import { blockAt, overlaps, parseAddress, parseCidr } from './cidr.js';

const PUBLISHED = { id: 'rsv_1', from: '10.10.0.0', to: '10.64.255.255', version: 1 } as const;
const EMPTY: AddressPlan = { reserved: [PUBLISHED], deploymentCidrs: [], peers: [] };

const conflictsOf = (cidrs: string[], plan: AddressPlan = EMPTY) => findConflicts(cidrs.map(parseCidr), plan);

describe('the reserved range', () => {
  it('is exactly the five blocks that make it up', () => {
    const blocks = ['10.10.0.0/15', '10.12.0.0/14', '10.16.0.0/12', '10.32.0.0/11', '10.64.0.0/16'].map(
      parseCidr,
    );
    const interval = reservedInterval(PUBLISHED);
    expect(blocks[0]!.first).toBe(interval.first);
    expect(blocks.at(-1)!.last).toBe(interval.last);
    blocks.slice(1).forEach((block, index) => expect(block.first).toBe(blocks[index]!.last + 1n));
  });

  it.each([
    ['10.9.255.0/24', false, 'ends one address before it'],
    ['10.10.0.0/24', true, 'is its first block'],
    ['10.64.255.0/24', true, 'is its last block'],
    ['10.65.0.0/24', false, 'begins one address after it'],
    ['10.0.0.0/8', true, 'contains it'],
    ['10.64.0.0/10', true, 'straddles its end'],
    ['10.8.0.0/14', true, 'straddles its beginning'],
    ['10.32.0.0/16', true, 'lies inside'],
    ['172.16.0.0/12', false, 'is elsewhere'],
  ])('%s: touched is %s, because the block %s', (cidr, touched) => {
    expect(conflictsOf([cidr]).map((conflict) => conflict.kind)).toEqual(touched ? ['reserved'] : []);
  });

  it('must not end before it begins', () => {
    expect(() => reservedInterval({ from: '10.2.0.0', to: '10.1.0.0' })).toThrow(RangeError);
  });
});

describe('conflicts', () => {
  const plan: AddressPlan = {
    reserved: [PUBLISHED],
    deploymentCidrs: ['10.11.0.0/16'],
    peers: [{ connectionId: 'peer_a', cidrs: ['172.16.0.0/16'] }],
  };

  it('name every collision with what it collides with', () => {
    expect(conflictsOf(['10.11.4.0/24', '172.16.8.0/24', '172.16.8.128/25', '127.0.0.0/8'], plan)).toEqual([
      { kind: 'reserved', cidr: '10.11.4.0/24', with: '10.10.0.0-10.64.255.255', reservedRangeId: 'rsv_1' },
      { kind: 'deployment', cidr: '10.11.4.0/24', with: '10.11.0.0/16' },
      { kind: 'peering', cidr: '172.16.8.0/24', with: '172.16.0.0/16', connectionId: 'peer_a' },
      { kind: 'peering', cidr: '172.16.8.128/25', with: '172.16.0.0/16', connectionId: 'peer_a' },
      { kind: 'self', cidr: '172.16.8.128/25', with: '172.16.8.0/24' },
      { kind: 'unroutable', cidr: '127.0.0.0/8', with: '127.0.0.0/8' },
    ]);
  });

  it('exist exactly where intervals meet', () => {
    const arbitrary = fc
      .tuple(fc.bigInt({ min: 0n, max: 0xffffffffn }), fc.integer({ min: 8, max: 30 }))
      .map(([address, prefix]) => blockAt(4, address, prefix));
    fc.assert(
      fc.property(arbitrary, (block) => {
        const expected = [
          ...(overlaps(block, reservedInterval(PUBLISHED)) ? ['reserved'] : []),
          ...plan.deploymentCidrs.filter((cidr) => overlaps(block, parseCidr(cidr))).map(() => 'deployment'),
          ...plan.peers[0]!.cidrs.filter((cidr) => overlaps(block, parseCidr(cidr))).map(() => 'peering'),
        ];
        expect(
          findConflicts([block], plan)
            .map((conflict) => conflict.kind)
            .filter((kind) => kind !== 'unroutable'),
        ).toEqual(expected);
      }),
    );
  });
});

describe('suggestions', () => {
  it('are private, distinct, of the asked size, and free of conflicts', () => {
    const taken = fc.array(
      fc
        .tuple(
          fc.constantFrom('172.16.0.0', '172.20.0.0', '192.168.0.0', '10.0.0.0', '10.200.0.0'),
          fc.integer({ min: 8, max: 24 }),
        )
        .map(([address, prefix]) => blockAt(4, parseAddress(address).value, prefix).text),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(
        taken,
        fc.integer({ min: 14, max: 26 }),
        fc.integer({ min: 1, max: 5 }),
        (cidrs, prefix, count) => {
          const plan: AddressPlan = {
            reserved: [PUBLISHED],
            deploymentCidrs: [],
            peers: [{ connectionId: 'p', cidrs }],
          };
          const suggestions = suggestCidrs(plan, prefix, count);
          expect(suggestions.length).toBeLessThanOrEqual(count);
          expect(new Set(suggestions).size).toBe(suggestions.length);
          expect(suggestions.every((text) => text.endsWith(`/${String(prefix)}`))).toBe(true);
          expect(conflictsOf(suggestions, plan)).toEqual([]);
        },
      ),
    );
  });

  it('begin with the first free block', () => {
    const plan: AddressPlan = { ...EMPTY, peers: [{ connectionId: 'p', cidrs: ['172.16.0.0/13'] }] };
    expect(suggestCidrs(plan, 16, 2)).toEqual(['172.24.0.0/16', '172.25.0.0/16']);
  });

  it('are none where everything is taken', () => {
    const plan: AddressPlan = { ...EMPTY, deploymentCidrs: ['0.0.0.0/0'] };
    expect(suggestCidrs(plan, 24, 3)).toEqual([]);
  });
});
