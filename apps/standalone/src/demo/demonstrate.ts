import { setTimeout as sleep } from 'node:timers/promises';

import { isRetryable, reasonMessage, type CloudId, type PeeringState, type Reason } from '#domain';

import { ApiClient } from '../api-client.js';
import type { Credentials } from '../credentials.js';
import type { Terminal } from '../terminal.js';
import type { Offer } from './customer.js';
import { CUSTOMERS } from './customers.js';
import { LiveLines } from './live-lines.js';
import { routesThrough, separateDeployment } from './platform-side.js';

const POLL_MS = 150;
const PATIENCE_MS = 90_000;
/** A customer who approves has to open their console first. */
const APPROVES_AFTER_MS = 4_000;

const ROUTE_NAME_WIDTH = 14;

/** One customer with one connection. */
interface Play {
  readonly name: string;
  readonly cloud: CloudId;
  /** The block of the customer's network; one that is free when absent. */
  readonly block?: string;
  /** A deployment of its own, where a network takes part in one connection at most. */
  readonly deployment?: string;
  /** Where the platform asks: whether the customer agrees. */
  readonly approves?: boolean;
}

/** A success in every cloud, a deadline that passes, and a refusal. */
const PLAYS: readonly Play[] = [
  { name: 'AWS', cloud: 'aws' },
  { name: 'Alibaba Cloud', cloud: 'alibaba' },
  { name: 'Huawei Cloud', cloud: 'huawei' },
  { name: 'Tencent Cloud', cloud: 'tencent', deployment: 'tencent-approved', approves: true },
  { name: 'OUTSCALE', cloud: 'outscale' },
  {
    name: 'Tencent Cloud, nobody approves',
    cloud: 'tencent',
    deployment: 'tencent-unapproved',
    approves: false,
  },
  { name: 'Alibaba Cloud, reserved block', cloud: 'alibaba', block: '10.20.0.0/16' },
];

interface Peering {
  readonly id: string;
  readonly status: {
    readonly state: PeeringState;
    readonly reason: { readonly code: Reason['code']; readonly message: string };
    readonly deadline: { readonly remainingSeconds: number } | null;
    readonly observed: { readonly providerId: string } | null;
  };
}

interface PeeringEvent {
  readonly id: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * Plays customers of all simulated clouds side by side, with nothing but the vendors' own clients and the broker's API,
 * and shows on one line each what becomes of their connections.
 * @returns the id of the first connection
 */
export async function demonstrate(
  credentials: Credentials,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<string | null> {
  const [tenant] = credentials.tenants;
  if (!tenant) throw new Error('There is no tenant to play.');
  const plays = PLAYS.filter(({ cloud }) => tenant.deployments[cloud] !== undefined);
  const api = new ApiClient(credentials.apiUrl, tenant);
  terminal.heading('Customers connect their networks');
  const lines = new LiveLines(
    terminal,
    plays.map(({ name }) => name),
  );
  const results = await Promise.all(
    plays.map(async (play) => {
      const seeded = tenant.deployments[play.cloud] ?? '';
      try {
        return await perform(play, seeded, { api, credentials, lines, signal });
      } catch (error) {
        if (signal.aborted) throw error;
        lines.show(play.name, {
          state: 'not shown',
          detail: error instanceof Error ? error.message : String(error),
        });
        return null;
      }
    }),
  );
  terminal.heading('Routes of the platform networks, as the clouds show them');
  for (const { play, offer, peering } of results.filter((result) => result !== null)) {
    const { state, observed } = peering.status;
    if (state !== 'running' || observed === null) continue;
    const network = { vpcId: offer.platform.vpcId, region: offer.region };
    for (const route of await routesThrough(credentials, play.cloud, network, observed.providerId)) {
      const { routeTableId, destination, target } = route;
      terminal.row(
        [[play.name, ROUTE_NAME_WIDTH]],
        `${routeTableId}: ${destination} -> ${target}, ${route.state}`,
      );
    }
  }
  return results.find((result) => result !== null)?.peering.id ?? null;
}

interface Theatre {
  readonly api: ApiClient;
  readonly credentials: Credentials;
  readonly lines: LiveLines;
  readonly signal: AbortSignal;
}

/** How a play ended. */
interface Result {
  readonly play: Play;
  readonly offer: Offer;
  readonly peering: Peering;
}

async function perform(play: Play, seeded: string, theatre: Theatre): Promise<Result> {
  const { api, credentials, lines } = theatre;
  const cloud = credentials.clouds[play.cloud];
  if (!cloud) throw new Error(`There is no account on ${play.cloud}.`);
  const deploymentId =
    play.deployment === undefined
      ? seeded
      : await separateDeployment(credentials, api, seeded, play.deployment);
  const offer = await api.get<Offer>(`/v1/deployments/${deploymentId}/peering-offer`);
  const block = play.block ?? (await freeBlock(api, deploymentId));
  const open = await CUSTOMERS[play.cloud]();
  const customer = open(cloud.endpoint, cloud.customer, offer.region);
  const asked = await customer.ask(offer, block);
  lines.show(play.name, { state: 'asked', detail: `${asked.id} for ${block}` });
  const { id } = await api.post<Peering>(`/v1/deployments/${deploymentId}/peerings`, {
    displayName: `${play.name} ${block}`,
    spec: asked.spec,
  });
  const approval =
    play.approves === true ? () => customer.approve?.(offer, asked) ?? Promise.resolve() : null;
  await follow(play.name, id, theatre, approval);
  return { play, offer, peering: await api.get<Peering>(`/v1/peerings/${id}`) };
}

/** A block that nothing stands against, as the API suggests it. */
async function freeBlock(api: ApiClient, deploymentId: string): Promise<string> {
  const { items } = await api.get<{ items: string[] }>(`/v1/deployments/${deploymentId}/cidr-suggestions`);
  const [first] = items;
  if (first === undefined) throw new Error('No block is free around the deployment.');
  return first;
}

/** Shows every state of a connection until it runs or rests; the customer approves in between, where they do. */
async function follow(
  name: string,
  id: string,
  { api, lines, signal }: Theatre,
  approve: (() => Promise<void>) | null,
): Promise<void> {
  const seen = new Set<string>();
  const until = performance.now() + PATIENCE_MS;
  let shown: string | null = null;
  let askedAt: number | null = null;
  let toApprove = approve;
  while (performance.now() < until) {
    for (const event of await api.all<PeeringEvent>(`/v1/peerings/${id}/events`)) {
      if (!seen.has(event.id)) shown = showEvent(name, event, lines) ?? shown;
      seen.add(event.id);
    }
    const { state, reason, deadline } = (await api.get<Peering>(`/v1/peerings/${id}`)).status;
    // A state that is newer than the events waits for its event, so that none is shown out of turn.
    if (shown === null || shown === state) {
      const left =
        state === 'awaiting_approval' && deadline ? `${String(deadline.remainingSeconds)} s left. ` : '';
      lines.show(name, { state, detail: (lines.inPlace ? left : '') + reason.message });
      if (state === 'running' || isRetryable(state)) return;
    }
    if (state === 'awaiting_approval') {
      askedAt ??= performance.now();
      if (toApprove && performance.now() - askedAt > APPROVES_AFTER_MS) {
        await toApprove();
        toApprove = null;
      }
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}

/** Shows a change of state. @returns the state that it led to; null for other events */
function showEvent(name: string, { type, data }: PeeringEvent, lines: LiveLines): string | null {
  if (type !== 'peering.state_changed') return null;
  const { to, reason, params } = data as { to: string; reason: Reason['code']; params: Reason['params'] };
  lines.show(name, { state: to, detail: reasonMessage({ code: reason, params }, 'en') });
  return to;
}
