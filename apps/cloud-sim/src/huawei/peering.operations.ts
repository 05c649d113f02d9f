import { randomUUID } from 'node:crypto';
import { HuaweiError } from './huawei-error.js';
import { pairKey, type HuaweiState, type Peering, type PeeringSide } from './huawei-state.js';
import { forgetPeering, isVisible, statusAt } from './peering-lifecycle.js';
import {
  localTime,
  pageByMarker,
  type JsonFields,
  type RestAnswer,
  type RestCall,
  type RestOperation,
} from './rest-operation.js';

/** VPC peering connections of the native API v2.0. */
export const PEERING_OPERATIONS: readonly RestOperation[] = [
  { name: 'ListVpcPeerings', method: 'GET', path: '/v2.0/vpc/peerings', envelope: 'neutron', run: list },
  { name: 'CreateVpcPeering', method: 'POST', path: '/v2.0/vpc/peerings', envelope: 'neutron', run: create },
  {
    name: 'ShowVpcPeering',
    method: 'GET',
    path: '/v2.0/vpc/peerings/{peering_id}',
    envelope: 'neutron',
    run: (call) => enveloped(200, visiblePeering(call), call.now),
  },
  {
    name: 'UpdateVpcPeering',
    method: 'PUT',
    path: '/v2.0/vpc/peerings/{peering_id}',
    envelope: 'neutron',
    run: update,
  },
  {
    name: 'AcceptVpcPeering',
    method: 'PUT',
    path: '/v2.0/vpc/peerings/{peering_id}/accept',
    envelope: 'neutron',
    run: (call) => answerRequest(call, { acceptedAt: call.now }),
  },
  {
    name: 'RejectVpcPeering',
    method: 'PUT',
    path: '/v2.0/vpc/peerings/{peering_id}/reject',
    envelope: 'neutron',
    run: (call) => answerRequest(call, { rejectedAt: call.now }),
  },
  {
    name: 'DeleteVpcPeering',
    method: 'DELETE',
    path: '/v2.0/vpc/peerings/{peering_id}',
    envelope: 'neutron',
    run: remove,
  },
];

function create(call: RestCall): RestAnswer {
  const { state, body, project, now } = call;
  const given = body.object('peering');
  const requester = readSide(given.object('request_vpc_info'), project.id);
  const accepter = readSide(given.object('accept_vpc_info'), project.id);
  if (requester.projectId !== project.id) {
    throw new HuaweiError(403, 'PolicyNotAuthorized', 'The requester VPC belongs to another project.');
  }
  for (const side of [requester, accepter]) {
    if (state.vpcs.get(side.vpcId)?.projectId !== side.projectId) {
      throw new HuaweiError(404, 'RouterNotFound', `Router ${side.vpcId} could not be found`);
    }
  }
  if (requester.vpcId === accepter.vpcId) {
    throw new HuaweiError(400, 'BadRequest', 'The local and the peer VPC of a peering must differ.');
  }
  const others = state.peerings.by('pair', pairKey(requester.vpcId, accepter.vpcId));
  if (others.some((other) => ['PENDING_ACCEPTANCE', 'ACTIVE'].includes(statusAt(other, now)))) {
    throw new HuaweiError(409, 'PeeringConflict', 'A peering between these two VPCs already exists.');
  }
  if (state.peerings.countBy('project', project.id) >= state.settings.peeringsPerProject) {
    throw new HuaweiError(409, 'OverQuota', "Quota exceeded for resources: ['vpc_peering'].");
  }
  const isOneProject = requester.projectId === accepter.projectId;
  const peering = state.peerings.put({
    id: randomUUID(),
    name: readName(given) ?? '',
    description: given.text('description') ?? '',
    requester,
    accepter,
    createdAt: now,
    updatedAt: now,
    expiresAt: now + state.settings.requestLifetimeSeconds * 1000,
    ...(isOneProject ? { acceptedAt: now } : {}),
  });
  return enveloped(201, peering, now);
}

function readSide(given: JsonFields, ownProjectId: string): PeeringSide {
  return { vpcId: given.require('vpc_id'), projectId: given.text('tenant_id') ?? ownProjectId };
}

function readName(given: JsonFields): string | undefined {
  const name = given.text('name');
  if (name !== undefined && name.length > 64) {
    throw new HuaweiError(
      400,
      'HTTPBadRequest',
      'Invalid input for name: it exceeds the maximum length of 64.',
    );
  }
  return name;
}

/** Accepts or rejects; the answer is the peering itself, without an envelope. */
function answerRequest(call: RestCall, event: Partial<Peering>): RestAnswer {
  const { state, project, now } = call;
  const peering = visiblePeering(call);
  if (peering.accepter.projectId !== project.id) {
    throw new HuaweiError(
      403,
      'PolicyNotAuthorized',
      `Peering ${peering.id} is not addressed to this project.`,
    );
  }
  const status = statusAt(peering, now);
  if (status !== 'PENDING_ACCEPTANCE') {
    throw new HuaweiError(
      409,
      'PeeringStatusConflict',
      `Peering ${peering.id} is in status ${status}, not PENDING_ACCEPTANCE.`,
    );
  }
  return { status: 200, body: render(state.peerings.update(peering.id, { ...event, updatedAt: now }), now) };
}

function update(call: RestCall): RestAnswer {
  const { state, body, now } = call;
  const peering = visiblePeering(call);
  const given = body.object('peering');
  const changed = state.peerings.update(peering.id, {
    name: readName(given) ?? peering.name,
    description: given.text('description') ?? peering.description,
    updatedAt: now,
  });
  return enveloped(200, changed, now);
}

function remove(call: RestCall): RestAnswer {
  endPeering(call.state, visiblePeering(call));
  return { status: 204, body: null };
}

/** Deletes a peering, without any check. */
export function endPeering(state: HuaweiState, peering: Peering): void {
  const now = state.clock.now();
  const { deletedVisibleSeconds, deletionRemovesRoutes } = state.settings;
  if (deletionRemovesRoutes) {
    for (const table of state.routeTables.by('nexthop', peering.id)) {
      const routes = table.routes.filter((route) => route.nexthop !== peering.id);
      state.routeTables.update(table.id, { routes, updatedAt: now });
    }
  }
  if (deletedVisibleSeconds === 0) {
    state.peerings.remove(peering.id);
    return;
  }
  state.peerings.update(peering.id, { deletedAt: now, updatedAt: now });
  forgetPeering(state, peering.id, now + deletedVisibleSeconds * 1000);
}

function list(call: RestCall): RestAnswer {
  const { state, query, project, now, base } = call;
  const wanted = {
    id: query.get('id'),
    name: query.get('name'),
    status: query.get('status'),
    tenant: query.get('tenant_id'),
    vpc: query.get('vpc_id'),
  };
  const matching = candidates(call).filter(
    (peering) =>
      isVisible(peering, project.id) &&
      (wanted.id === null || peering.id === wanted.id) &&
      (wanted.name === null || peering.name === wanted.name) &&
      (wanted.status === null || statusAt(peering, now) === wanted.status) &&
      (wanted.tenant === null || isVisible(peering, wanted.tenant)) &&
      (wanted.vpc === null || [peering.requester.vpcId, peering.accepter.vpcId].includes(wanted.vpc)),
  );
  matching.sort((a, b) => state.peerings.sequenceOf(a.id) - state.peerings.sequenceOf(b.id));
  const { page, isLast } = pageByMarker(query, matching);
  const last = page.at(-1);
  const links: { rel: string; href: string }[] = [];
  if (!isLast && last !== undefined) {
    const next = new URLSearchParams(query);
    next.set('marker', last.id);
    links.push({ rel: 'next', href: `${base}/v2.0/vpc/peerings?${next.toString()}` });
  }
  return {
    status: 200,
    body: { peerings: page.map((peering) => render(peering, now)), peerings_links: links },
  };
}

/** The fewest peerings that an index yields and that surely hold all that the filters ask for. */
function candidates({ state, query, project }: RestCall): Peering[] {
  const id = query.get('id');
  if (id !== null) return [state.peerings.get(id)].filter((peering) => peering !== undefined);
  const vpcId = query.get('vpc_id');
  return vpcId === null ? state.peerings.by('project', project.id) : state.peerings.by('vpc', vpcId);
}

/** The peering that the path names, provided that the caller's project is one of its sides. */
function visiblePeering({ state, path, project }: RestCall): Peering {
  const id = path['peering_id'] ?? '';
  const peering = state.peerings.get(id);
  if (peering === undefined || !isVisible(peering, project.id)) {
    throw new HuaweiError(404, 'PeeringNotFound', `Peering ${id} could not be found`);
  }
  return peering;
}

function enveloped(status: number, peering: Peering, now: number): RestAnswer {
  return { status, body: { peering: render(peering, now) } };
}

function render(peering: Peering, now: number): Readonly<Record<string, unknown>> {
  const side = ({ vpcId, projectId }: PeeringSide) => ({ vpc_id: vpcId, tenant_id: projectId });
  return {
    id: peering.id,
    name: peering.name,
    description: peering.description,
    status: statusAt(peering, now),
    request_vpc_info: side(peering.requester),
    accept_vpc_info: side(peering.accepter),
    created_at: localTime(peering.createdAt),
    updated_at: localTime(peering.updatedAt),
  };
}
