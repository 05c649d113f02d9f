/** What holds for the profile of every cloud that is served. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  completeSpecs,
  requestOf,
  sampleNetwork,
  sampleSpec,
} from '../../../../test/support/cloud-samples.js';
import type { ObservedPeering } from '../cloud-port.js';
import { missingFields, sides } from '../cloud-profile.js';
import type { CloudSpec } from '../cloud-spec.js';
import { startAttempt } from '../intents.js';
import { profileOf, SERVED_CLOUDS } from './profiles.js';

const CHINESE = /[\u4e00-\u9fff]/;
const CIDRS = ['172.16.0.0/16'];

type SideName = 'requester' | 'accepter';
type SideKey = 'accountId' | 'projectId' | 'vpcId' | 'region';
const SIDE_KEYS: readonly SideKey[] = ['accountId', 'projectId', 'vpcId', 'region'];

describe.each(SERVED_CLOUDS)('the profile of %s', (cloud) => {
  const profile = profileOf(cloud);
  const { capabilities, fields } = profile;
  const network = sampleNetwork(cloud);
  const [customerSide, platformSide]: readonly SideName[] =
    capabilities.initiator === 'customer' ? ['requester', 'accepter'] : ['accepter', 'requester'];

  it('describes its fields in both languages, each with an example that fits', () => {
    expect(profile.cloud).toBe(cloud);
    const names = fields.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).not.toContain('kind');
    expect(fields.filter(({ required }) => required)).not.toEqual([]);
    const platformAccount = { ...profile.platformAccount, name: 'platform account' };
    expect(network.accountId).toMatch(new RegExp(platformAccount.pattern));
    for (const { name, pattern, example, title, help } of [...fields, platformAccount]) {
      const fits = new RegExp(pattern);
      expect({ name, anchored: pattern.startsWith('^') && pattern.endsWith('$') }).toEqual({
        name,
        anchored: true,
      });
      expect({ name, fits: fits.test(example) }).toEqual({ name, fits: true });
      for (const near of ['', ` ${example}`, `${example} `, `${example}\n`, `${example}'`, `x${example}`]) {
        expect({ name, near, fits: fits.test(near) }).toEqual({ name, near, fits: false });
      }
      for (const text of [title, help]) {
        expect([text.en.trim() === '', CHINESE.test(text.en)]).toEqual([false, false]);
        expect(text.zh).toMatch(CHINESE);
      }
    }
  });

  it('has capabilities that agree with each other', () => {
    const asksItself = capabilities.initiator === 'platform';
    expect(profile.attachmentOwner(sampleSpec(cloud)) !== null).toBe(asksItself);
    expect(capabilities.takeBackPending).toBe(asksItself ? 'withdraw' : 'reject');
    if (capabilities.approvalWindow) expect(asksItself).toBe(true);
    expect(capabilities.removableIn).toEqual(
      expect.arrayContaining(['active', asksItself ? 'pending_customer' : 'pending_platform']),
    );
    expect(profile.cidrsRequired).toBe(!capabilities.cidrObservable);
    if (capabilities.cidrVisibleWhilePending) expect(capabilities.cidrObservable).toBe(true);
    expect(capabilities.maxLivePerNetwork ?? 1).toBeGreaterThan(0);
    expect(capabilities.consistencyMs).toBeGreaterThan(0);
    expect(capabilities.requestExpiryMs ?? 1).toBeGreaterThan(0);
  });

  it('knows what a complete declaration is about', () => {
    fc.assert(
      fc.property(completeSpecs(cloud), (spec) => {
        expect(missingFields(profile, spec, CIDRS)).toEqual([]);
        const values = Object.values(spec);
        expect(values).toContain(profile.peerKey(spec));
        const providerId = profile.declaredProviderId(spec);
        if (providerId !== null) expect(values).toContain(providerId);
        const owner = profile.attachmentOwner(spec);
        if (owner !== null) expect(values).toContain(owner);
        const { state } = startAttempt(profile, { cloud: spec, cidrs: CIDRS }, 0);
        expect(state).toBe(capabilities.initiator === 'customer' ? 'verifying' : 'requesting');
      }),
    );
  });

  it('names what a draft lacks, and takes nothing for known that was not declared', () => {
    fc.assert(
      fc.property(completeSpecs(cloud), fc.subarray(fields.map(({ name }) => name)), (spec, left) => {
        const kept = Object.entries(spec).filter(([name]) => name === 'kind' || left.includes(name));
        const draft = Object.fromEntries(kept) as CloudSpec;
        const missing = fields.filter(({ name, required }) => required && draft[name] === undefined);
        const expected = missing.map(({ name }) => `cloud.${name}`);
        expect(missingFields(profile, draft, CIDRS)).toEqual(expected);
        expect(missingFields(profile, draft, [])).toEqual([
          ...expected,
          ...(profile.cidrsRequired ? ['cidrs'] : []),
        ]);
        const values: unknown[] = [null, ...Object.values(draft)];
        expect(values).toContain(profile.peerKey(draft));
        expect(values).toContain(profile.declaredProviderId(draft));
        expect(values).toContain(profile.attachmentOwner(draft));
        const { state, reason } = startAttempt(profile, { cloud: draft, cidrs: CIDRS }, 0);
        expect(state === 'awaiting_request').toBe(expected.length > 0);
        if (expected.length > 0) expect(reason.params['missing']).toBe(expected.join(', '));
        // Nothing that an empty draft could be about is ever found.
        if (missing.length === fields.length)
          expect(profile.find(draft, [requestOf(spec, network)], null)).toBeNull();
      }),
    );
  });

  it('finds the declared request among others and takes it for what was declared', () => {
    fc.assert(
      fc.property(
        completeSpecs(cloud),
        fc.array(completeSpecs(cloud), { maxLength: 4 }),
        fc.nat(),
        (spec, others, at) => {
          const request = requestOf(spec, network);
          const foreign = others
            .map((other) => requestOf(other, network))
            .filter((other) => !isAbout(other, request));
          const shown = foreign.toSpliced(at % (foreign.length + 1), 0, request);
          expect(profile.find(spec, shown, null)).toBe(request);
          expect(profile.find(spec, shown, request.providerId)).toBe(request);
          expect(profile.find(spec, foreign, null)).toBeNull();
          expect(profile.mismatches(spec, network, request)).toEqual([]);
          const seen = sides(capabilities, request);
          expect([seen.customer, seen.platform]).toEqual([request[customerSide!], request[platformSide!]]);
        },
      ),
    );
  });

  /** The values by which the request is this customer's and meant for this network. */
  function identifying(spec: CloudSpec, request: ObservedPeering): [SideName, SideKey][] {
    const declared: readonly unknown[] = Object.values(spec);
    return (['requester', 'accepter'] as const).flatMap((side) =>
      SIDE_KEYS.filter((key) => {
        const value = request[side][key];
        if (value === undefined) return false;
        return side === platformSide || key === 'region' || declared.includes(value);
      }).map((key): [SideName, SideKey] => [side, key]),
    );
  }

  const changed = fc.constantFrom<(value: string) => string | undefined>(
    () => undefined,
    () => '',
    (value) => `${value}0`,
    (value) => value.slice(0, -1),
    (value) => value.replace(/[0-9a-z]$/, (last) => (last === '0' ? '1' : '0')),
  );

  it('never takes a request for the declared one that differs in any value that identifies it', () => {
    fc.assert(
      fc.property(
        completeSpecs(cloud),
        fc.array(fc.tuple(fc.nat(), changed), { minLength: 1, maxLength: 4 }),
        (spec, changes) => {
          const request = requestOf(spec, network);
          const all = identifying(spec, request);
          const differing = changes.map(([at, change]) => ({ where: all[at % all.length]!, change }));
          const foreign = differing.reduce((seen, { where: [side, key], change }): ObservedPeering => {
            const value = change(request[side][key]!);
            return { ...seen, [side]: { ...seen[side], [key]: value } };
          }, request);
          const mismatches = profile.mismatches(spec, network, foreign);
          const touched = new Set(differing.map(({ where: [side, key] }) => `${side} ${key}`));
          expect(mismatches).toHaveLength(touched.size);
          const blamed = new Set(mismatches.map(({ side }) => side));
          const expected = differing.map(({ where: [side] }) =>
            side === customerSide ? 'requester' : 'accepter',
          );
          expect(blamed).toEqual(new Set(expected));
          for (const { field, declared, observed } of mismatches) {
            expect(field).toMatch(/^[a-zA-Z]+$/);
            expect(declared).not.toBe(observed);
          }
        },
      ),
    );
  });

  it('never takes a request of another network for one that is meant for this', () => {
    fc.assert(
      fc.property(completeSpecs(cloud), (spec) => {
        const request = requestOf(spec, { ...network, vpcId: `${network.vpcId}0` });
        expect(profile.mismatches(spec, network, request)).toMatchObject([
          { side: 'accepter', declared: network.vpcId, observed: `${network.vpcId}0` },
        ]);
      }),
    );
  });

  /** Whether two requests could be told apart by nothing that a customer declares. */
  function isAbout(one: ObservedPeering, other: ObservedPeering): boolean {
    return one.providerId === other.providerId || one[customerSide!].vpcId === other[customerSide!].vpcId;
  }
});
