import { describe, expect, test } from '@jest/globals';

import type { AddressPlan } from '#domain';

import { addressConflicts, addressProblem } from './address-check.js';

const plan: AddressPlan = {
  reserved: [{ id: 'rsv_1', from: '10.10.0.0', to: '10.64.255.255', version: 1 }],
  deploymentCidrs: ['192.168.0.0/24'],
  peers: [{ connectionId: 'peer_1', cidrs: ['172.16.0.0/16'] }],
};

const problemOf = (...cidrs: string[]) => addressProblem(cidrs, addressConflicts(cidrs, plan));

describe('what blocks are refused with', () => {
  test.each<[string[], string | null]>([
    [['172.17.0.0/16'], null],
    [['172.16.5.0/24'], 'cidr_conflict'],
    [['192.168.0.128/25'], 'cidr_conflict'],
    [['172.16.5.0/24', '192.168.0.0/25'], 'cidr_conflict'],
    [['10.64.0.0/10'], 'validation_failed'],
    [['169.254.0.0/24'], 'validation_failed'],
    [['172.20.0.0/16', '172.20.0.0/24'], 'validation_failed'],
    [['172.16.5.0/24', '10.0.0.0/8'], 'validation_failed'],
  ])('%j: %s', (cidrs, code) => {
    expect(problemOf(...cidrs)?.code ?? null).toBe(code);
  });

  test('every collision is there twice: at its place in the request, and with its holder', () => {
    const { issues, conflicts } = problemOf('172.20.0.0/16', '172.16.0.0/12', '10.0.0.0/8')!.grounds;
    expect(issues!.map(({ pointer, code }) => `${pointer} ${code}`)).toEqual([
      '/spec/cidrs/1 cidr_overlaps_peering',
      '/spec/cidrs/1 cidr_overlaps_itself',
      '/spec/cidrs/2 cidr_reserved',
    ]);
    expect(conflicts).toEqual([
      expect.objectContaining({
        kind: 'peering',
        id: 'peer_1',
        cidr: '172.16.0.0/12',
        with: '172.16.0.0/16',
      }),
      expect.objectContaining({ kind: 'self', cidr: '172.16.0.0/12', with: '172.20.0.0/16' }),
      expect.objectContaining({
        kind: 'reserved',
        id: 'rsv_1',
        cidr: '10.0.0.0/8',
        with: '10.10.0.0-10.64.255.255',
      }),
    ]);
  });

  test('other issues of the request come first, and make it a wrong value', () => {
    const other = { pointer: '/spec/cloud/vpcId', code: 'bad_characters', params: {} } as const;
    const problem = addressProblem(['172.16.0.0/16'], addressConflicts(['172.16.0.0/16'], plan), [other])!;
    expect(problem.code).toBe('validation_failed');
    expect(problem.grounds.issues!.map(({ pointer }) => pointer)).toEqual([
      '/spec/cloud/vpcId',
      '/spec/cidrs/0',
    ]);
    expect(addressProblem([], [], [other])!.code).toBe('validation_failed');
  });
});
