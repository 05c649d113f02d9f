import { describe, expect, it } from '@jest/globals';
import {
  assertTransition,
  canMove,
  isRetryable,
  PEERING_STATES,
  STATE_MACHINE,
  type PeeringState,
} from './peering-state.js';
import { fill, REASONS, reasonMessage, type ReasonCode } from './reason.js';

const targets = (state: PeeringState): readonly PeeringState[] => STATE_MACHINE[state].to;

describe('the state machine', () => {
  it('reaches every state from the two beginnings', () => {
    const reached = new Set<PeeringState>(['awaiting_request']);
    for (const state of reached) targets(state).forEach((next) => reached.add(next));
    expect([...reached].sort()).toEqual([...PEERING_STATES].sort());
  });

  it.each(PEERING_STATES.filter((state) => state !== 'deleted'))('lets %s be deleted', (state) => {
    expect(state === 'deleting' || canMove(state, 'deleting')).toBe(true);
    expect(canMove('deleting', 'deleted')).toBe(true);
  });

  it('never leaves deleted, nor turns a deletion back', () => {
    expect(targets('deleted')).toEqual([]);
    expect(targets('deleting')).toEqual(['deleted']);
  });

  it('offers a retry exactly where the table says so', () => {
    for (const state of PEERING_STATES) {
      expect((STATE_MACHINE[state].verbs as readonly string[]).includes('retry')).toBe(isRetryable(state));
    }
  });

  it('refuses a move that it does not have', () => {
    expect(() => assertTransition('rejected', 'running')).toThrow('no transition from rejected to running');
  });
});

describe('reasons', () => {
  const placeholders = (text: string): string[] =>
    [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!).sort();

  const aboutCidrs = (Object.keys(REASONS) as ReasonCode[]).filter((code) =>
    REASONS[code].en.includes('{cidrs}'),
  );

  it.each(aboutCidrs)('%s is a whole sentence while there are no blocks', (code) => {
    const params = { cidrs: '' };
    expect(reasonMessage({ code, params }, 'en')).toMatch(/\w\.$/);
    expect(reasonMessage({ code, params }, 'en')).toContain('no address block');
    expect(reasonMessage({ code, params }, 'zh')).toContain('暂无可路由的网段');
    const some = reasonMessage({ code, params: { cidrs: '172.16.0.0/16' } }, 'en');
    expect(some).toContain('172.16.0.0/16');
  });

  it.each(Object.keys(REASONS) as ReasonCode[])('%s says the same in both languages', (code) => {
    expect(placeholders(REASONS[code].zh)).toEqual(placeholders(REASONS[code].en));
    expect(REASONS[code].en).not.toBe('');
    expect(REASONS[code].zh).toMatch(/[\u4e00-\u9fff]/);
  });

  it('are filled with their parameters, and show a parameter that is missing', () => {
    expect(reasonMessage({ code: 'route_missing', params: { destination: '172.16.0.0/16' } }, 'en')).toBe(
      'The route to 172.16.0.0/16 is missing in {routeTableId}.',
    );
    expect(fill('{a}{b}', { a: '1', b: '2' })).toBe('12');
  });
});
