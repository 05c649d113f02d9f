/** Whatever the reason and the state: what is advised can be done there, and is the same in both languages. */
import { describe, expect, it } from '@jest/globals';
import { requestOf, sampleNetwork, sampleSpec } from '../../../test/support/cloud-samples.js';
import { missingFields, type NextAction } from './cloud-profile.js';
import type { CloudSpec } from './cloud-spec.js';
import { profileOf, SERVED_CLOUDS } from './clouds/profiles.js';
import { startAttempt } from './intents.js';
import { nextActions, offerInstructions } from './next-actions.js';
import type { DriftPolicy, PeeringConnection, PeeringStatus } from './peering-connection.js';
import { isRetryable, PEERING_STATES, STATE_MACHINE, type PeeringState } from './peering-state.js';
import { placeholdersIn } from './placeholders.js';
import { REASONS, type Locale, type ReasonCode } from './reason.js';

const REASON_CODES = Object.keys(REASONS) as ReasonCode[];
const CIDRS = ['172.16.0.0/16'];

/** Reasons for somebody to act that no connection rests with: the broker goes on by itself once they have. */
const PASSING: readonly ReasonCode[] = [
  'request_details_missing',
  'approval_required',
  'route_disabled',
  'peer_cidr_conflict',
  'prerequisite_missing',
  'cdt_not_activated',
];

/** How the advice names what customers may do in a state. */
const REQUESTS = { retry: '/retry', repair: '/repair', complete: 'PATCH', delete: 'DELETE' } as const;

describe.each(SERVED_CLOUDS)('the next actions of a connection on %s', (cloud) => {
  const profile = profileOf(cloud);
  const { initiator } = profile.capabilities;
  const network = sampleNetwork(cloud);
  const complete = sampleSpec(cloud);
  const peering = requestOf(complete, network);

  function actions(
    status: Partial<PeeringStatus>,
    locale: Locale = 'en',
    change: Partial<PeeringConnection> = {},
  ): NextAction[] {
    const spec = change.spec ?? { cloud: complete, cidrs: CIDRS };
    const connection: PeeringConnection = {
      id: 'peer_01',
      tenantId: 'ten_01',
      deploymentId: network.deploymentId,
      cloud,
      createdAt: 0,
      desired: 'present',
      spec,
      locked: false,
      status: { ...startAttempt(profile, spec, 0), providerId: peering.providerId, ...status },
      ...change,
    };
    return nextActions(connection, network, profile, locale);
  }

  const draftOf = (cloudSpec: CloudSpec): PeeringConnection => ({
    id: 'peer_01',
    tenantId: 'ten_01',
    deploymentId: network.deploymentId,
    cloud,
    createdAt: 0,
    desired: 'present',
    spec: { cloud: cloudSpec, cidrs: CIDRS },
    locked: false,
    status: startAttempt(profile, { cloud: cloudSpec, cidrs: CIDRS }, 0),
  });

  /** A reason with every parameter that its text names. */
  function reasonOf(code: ReasonCode): PeeringStatus['reason'] {
    const names = [...REASONS[code].en.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
    return { code, params: Object.fromEntries(names.map((name) => [name, `<${name}>`])), since: 0 };
  }

  /** The body of the request that an action shows. */
  function sentIn({ steps }: NextAction): { spec: Record<string, unknown> } {
    const [body] = steps.flatMap((step) => /(?<=(?:POST|PATCH) \/v1\/\S+ )\{.*\}$/.exec(step) ?? []);
    return JSON.parse(body!) as { spec: Record<string, unknown> };
  }

  const codes = (list: readonly NextAction[]): string[] => list.map(({ code }) => code);
  const everywhere = PEERING_STATES.flatMap((state) =>
    REASON_CODES.map((code): [PeeringState, ReasonCode] => [state, code]),
  );

  it('can be done in the state that they are given for, and leave nothing unfilled', () => {
    const impossible = everywhere.flatMap(([state, code]) => {
      const verbs: readonly string[] = STATE_MACHINE[state].verbs;
      const advised = actions({ state, reason: reasonOf(code) });
      const texts = advised.flatMap(({ title, steps }) => [title, ...steps]);
      const asked = Object.entries(REQUESTS).filter(([, request]) => texts.join('\n').includes(request));
      const refused = asked.filter(([verb]) => !verbs.includes(verb));
      const unfilled = texts.filter((text) => text === '' || /\{\w+\}|undefined|null/.test(text));
      return [...refused, ...unfilled].map((fault) => ({ state, code, fault }));
    });
    expect(impossible).toEqual([]);
  });

  it('are the same in both languages', () => {
    for (const [state, code] of everywhere) {
      const english = actions({ state, reason: reasonOf(code) }, 'en');
      const chinese = actions({ state, reason: reasonOf(code) }, 'zh');
      const shape = (list: NextAction[]): unknown =>
        list.map(({ actor, code: action, steps, artifacts }) => [
          actor,
          action,
          Object.keys(artifacts),
          steps.map((step) => step.match(/[A-Z]+ \/v1[\w/]+|<[\w-]+>/g)?.sort()),
        ]);
      expect(shape(chinese)).toEqual(shape(english));
      const texts = chinese.flatMap(({ title, steps }) => [title, ...steps]);
      expect(texts.filter((text) => !/[\u4e00-\u9fff]/.test(text))).toEqual([]);
    }
  });

  it('are never lacking where somebody has to act', () => {
    const theirs = REASON_CODES.filter((code) => REASONS[code].actor === 'customer');
    for (const code of theirs.filter((each) => !PASSING.includes(each))) {
      for (const state of PEERING_STATES.filter(isRetryable)) {
        const told = actions({ state, reason: reasonOf(code) })
          .flatMap(({ steps }) => steps)
          .join('\n');
        expect({ code, state, goesOn: /PATCH \/v1|\/retry/.test(told) }).toEqual({
          code,
          state,
          goesOn: true,
        });
      }
    }
    for (const code of PASSING.slice(2)) {
      expect(actions({ state: 'degraded', reason: reasonOf(code) })).not.toEqual([]);
    }
  });

  it('are to say yes to a repair where that is asked for, and only then', () => {
    const codesOn = (driftPolicy: DriftPolicy, change: Partial<PeeringStatus>): string[] => {
      const connection = { ...draftOf(complete), status: { ...draftOf(complete).status, ...change } };
      return codes(nextActions(connection, { ...network, driftPolicy }, profile, 'en'));
    };
    for (const code of ['route_missing', 'route_blackhole'] as const) {
      const lost = { state: 'degraded', reason: reasonOf(code) } as const;
      expect(codesOn('ask', lost)).toEqual(['approve_repair']);
      expect(codesOn('ask', { ...lost, repairGranted: true })).toEqual([]);
      expect(codesOn('report', lost)).toEqual(['contact_operator']);
      expect(codesOn('repair', lost)).toEqual([]);
    }
  });

  it('begin with a new request where the old one is over and the customer asks', () => {
    for (const code of [
      'request_expired',
      'request_withdrawn',
      'deleted_by_peer',
      'provider_failed',
    ] as const) {
      expect(codes(actions({ state: 'failed', reason: reasonOf(code) }))).toEqual(
        initiator === 'customer' ? ['create_peering_request', 'complete_request_details'] : ['retry'],
      );
    }
  });

  it('are to make the request, then to name it, while it is not named', () => {
    const empty: CloudSpec = { kind: cloud };
    const draft = { spec: { cloud: empty, cidrs: [] } };
    const first = actions({ providerId: null }, 'en', draft);
    expect(codes(first)).toEqual(['create_peering_request', 'complete_request_details']);
    for (const locale of ['en', 'zh'] as const) {
      const [, details] = actions({ providerId: null }, locale, draft);
      for (const { name, help, example } of profile.fields.filter(({ required }) => required)) {
        expect(details!.steps.find((step) => step.startsWith(name))).toContain(help[locale]);
        expect(sentIn(details!)).toMatchObject({ spec: { cloud: { [name]: example } } });
      }
      expect('cidrs' in sentIn(details!).spec).toBe(profile.cidrsRequired);
    }
    const { cli = '', terraform = '' } = first[0]!.artifacts;
    for (const placeholder of placeholdersIn(cli + terraform)) {
      expect(first[0]!.steps.at(-1)).toContain(`${placeholder}: `);
    }
    if (profile.declaredProviderId(complete) === null) return;
    const waiting = { state: 'awaiting_request', reason: reasonOf('request_details_missing') } as const;
    expect(codes(actions(waiting))).toEqual(['complete_request_details']);
  });

  it('are in the offer too, with the call that tells the broker of the request', () => {
    for (const locale of ['en', 'zh'] as const) {
      const offer = offerInstructions(network, profile, locale);
      const draft = { spec: { cloud: { kind: cloud } as CloudSpec, cidrs: [] } };
      const [create] = actions({ providerId: null }, locale, draft);
      const [call, ...others] = offer.steps.filter((step) => !create!.steps.includes(step));
      expect(others).toEqual([]);
      expect(call).toContain(`POST /v1/deployments/${network.deploymentId}/peerings`);
      const { cloud: named, cidrs = [] } = sentIn(offer).spec as { cloud: CloudSpec; cidrs?: string[] };
      expect(named.kind).toBe(cloud);
      expect(missingFields(profile, named, cidrs)).toEqual([]);
    }
  });

  it('are to open their side once the connection runs, whoever asked', () => {
    const running = { state: 'running', reason: reasonOf('ready') } as const;
    expect(codes(actions(running))).toEqual(['add_route', 'allow_traffic']);
    const awaiting = { state: 'awaiting_approval', reason: reasonOf('approval_required') } as const;
    expect(codes(actions(awaiting))).toEqual(initiator === 'platform' ? ['approve_ccn_attachment'] : []);
  });

  it("are the operator's where the platform was refused, whatever else there is to do", () => {
    const refused = reasonOf('platform_access_denied');
    for (const state of PEERING_STATES.filter((each) => !STATE_MACHINE[each].resting)) {
      expect(codes(actions({ state, reason: refused }))).toContain('contact_operator');
    }
    const gone = { desired: 'absent' } as const;
    expect(codes(actions({ state: 'deleting', reason: refused }, 'en', gone))).toEqual(['contact_operator']);
    for (const code of REASON_CODES.filter((each) => REASONS[each].actor === 'customer')) {
      expect(actions({ state: 'deleting', reason: reasonOf(code) }, 'en', gone)).toEqual([]);
    }
  });
});
