import { setTimeout as sleep } from 'node:timers/promises';

import { isRetryable, reasonMessage, type PeeringState, type Reason } from '#domain';

import { ApiClient } from './api-client.js';
import type { Credentials } from './credentials.js';
import { AwsSide } from './simulated-aws.js';
import type { Terminal } from './terminal.js';

const POLL_MS = 100;
const PATIENCE_MS = 60_000;

interface Offer {
  readonly region: string;
  readonly platform: {
    readonly accountId: string;
    readonly vpcId: string;
    readonly cidrs: readonly string[];
  };
}

interface Peering {
  readonly id: string;
  readonly status: { readonly state: PeeringState; readonly reason: { readonly message: string } };
}

interface PeeringEvent {
  readonly id: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly at: string;
}

/**
 * Plays a customer in the simulated AWS, with nothing but the vendor's SDK and the broker's API, and shows each state
 * that the new connection goes through until it runs.
 * @returns the id of the connection
 */
export async function demonstrate(
  { apiUrl, tenants, clouds }: Credentials,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<string> {
  const [tenant] = tenants;
  const aws = clouds.aws;
  const deploymentId = tenant?.deployments.aws;
  if (!tenant || !aws || deploymentId === undefined)
    throw new Error('There is no AWS deployment to connect to.');
  const api = new ApiClient(apiUrl, tenant);
  const offer = await api.get<Offer>(`/v1/deployments/${deploymentId}/peering-offer`);
  const block = await freeBlock(api, deploymentId);

  terminal.heading(`A customer connects ${block} to the deployment (AWS, ${offer.region})`);
  const tell = narrator(terminal);
  const customer = new AwsSide(aws.endpoint, aws.customer, offer.region);
  const platform = new AwsSide(aws.endpoint, aws.platform, offer.region);
  try {
    const vpcId = await customer.createVpc(block, 'customer-network');
    tell('customer', 'CreateVpc', `${vpcId} with ${block} in account ${aws.customer.accountId}`);
    const connectionId = await customer.requestPeering(vpcId, offer.platform);
    tell(
      'customer',
      'CreateVpcPeeringConnection',
      `${connectionId} to ${offer.platform.vpcId} of ${offer.platform.accountId}`,
    );

    const peering = await api.post<Peering>(`/v1/deployments/${deploymentId}/peerings`, {
      displayName: `customer-network ${block}`,
      spec: { cloud: { kind: 'aws', connectionId, accountId: aws.customer.accountId, vpcId } },
    });
    tell('customer', 'POST …/peerings', peering.id);
    tell('broker', peering.status.state, peering.status.reason.message);
    const state = await follow(api, peering.id, tell, signal);
    if (state !== 'running') return peering.id;

    for (const route of await platform.routesThrough(offer.platform.vpcId, connectionId)) {
      tell(
        'cloud',
        `route ${route.state}`,
        `${route.routeTableId}: ${route.destination} -> ${connectionId}, by the broker`,
      );
    }
    for (const destination of offer.platform.cidrs) {
      const routeTableId = await customer.addRoute(vpcId, destination, connectionId);
      tell('customer', 'CreateRoute', `${routeTableId}: ${destination} -> ${connectionId}`);
    }
    return peering.id;
  } finally {
    customer.close();
    platform.close();
  }
}

type Tell = (who: string, what: string, detail: string) => void;

function narrator(terminal: Terminal): Tell {
  const started = performance.now();
  return (who, what, detail) => {
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    terminal.row(
      [
        [terminal.style('dim', `${seconds.padStart(4)} s`), 0],
        [terminal.style(who === 'broker' ? 'cyan' : 'dim', who.padEnd(8)), 0],
        [what === 'running' ? terminal.style('green', what.padEnd(26)) : what.padEnd(26), 0],
      ],
      detail,
    );
  };
}

/** A block that nothing stands against, as the API suggests it. */
async function freeBlock(api: ApiClient, deploymentId: string): Promise<string> {
  const { items } = await api.get<{ items: string[] }>(`/v1/deployments/${deploymentId}/cidr-suggestions`);
  const [first] = items;
  if (first === undefined) throw new Error('No block is free around the deployment.');
  return first;
}

/** Shows every event of a connection until it runs or rests. @returns the state in which it is then */
async function follow(api: ApiClient, id: string, tell: Tell, signal: AbortSignal): Promise<PeeringState> {
  const seen = new Set<string>();
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const { status } = await api.get<Peering>(`/v1/peerings/${id}`);
    for (const event of await api.all<PeeringEvent>(`/v1/peerings/${id}/events`)) {
      if (!seen.has(event.id)) show(event, tell);
      seen.add(event.id);
    }
    if (status.state === 'running' || isRetryable(status.state)) return status.state;
    if (performance.now() > until) {
      tell(
        'broker',
        status.state,
        `still, after ${String(PATIENCE_MS / 1000)} s; the demonstration ends here`,
      );
      return status.state;
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}

function show({ type, data }: PeeringEvent, tell: Tell): void {
  if (type === 'peering.state_changed') {
    const { to, reason, params } = data as {
      to: PeeringState;
      reason: Reason['code'];
      params: Reason['params'];
    };
    tell('broker', to, reasonMessage({ code: reason, params }, 'en'));
  } else if (type === 'peering.cloud_call') {
    const { action, outcome } = data as { action: { kind: string }; outcome: string };
    if (outcome !== 'ok') tell('broker', action.kind, `the cloud answered: ${outcome}; looking again`);
  }
}
