import { randomUUID } from 'node:crypto';
import { ipv4BlocksOverlap, isCanonicalIpv4Block, parseIpv4Block } from '../ipv4-block.js';
import { HuaweiError, type ErrorEnvelope } from './huawei-error.js';
import type { HuaweiState, RouteTable, Vpc } from './huawei-state.js';
import { statusAt } from './peering-lifecycle.js';
import {
  pageByMarker,
  zonedTime,
  type RestAnswer,
  type RestCall,
  type RestOperation,
} from './rest-operation.js';

/** The two versions of the VPC API show the same VPC in different words. */
interface Version {
  readonly root: string;
  readonly envelope: ErrorEnvelope;
  readonly render: (vpc: Vpc) => Readonly<Record<string, unknown>>;
}

const V1: Version = { root: '/v1/{project_id}/vpcs', envelope: 'vpc', render: renderV1 };
const V3: Version = { root: '/v3/{project_id}/vpc/vpcs', envelope: 'gateway', render: renderV3 };

/** VPCs, in versions 1 and 3 of the API. Only version 3 shows blocks that were added later. */
export const VPC_OPERATIONS: readonly RestOperation[] = [
  ...[V1, V3].flatMap((version): RestOperation[] => {
    const { root, envelope } = version;
    const one = `${root}/{vpc_id}`;
    return [
      { name: 'CreateVpc', method: 'POST', path: root, envelope, run: (call) => create(call, version) },
      { name: 'ListVpcs', method: 'GET', path: root, envelope, run: (call) => list(call, version) },
      { name: 'ShowVpc', method: 'GET', path: one, envelope, run: (call) => show(call, version) },
      { name: 'DeleteVpc', method: 'DELETE', path: one, envelope, run: remove },
    ];
  }),
  {
    name: 'AddVpcExtendCidr',
    method: 'PUT',
    path: `${V3.root}/{vpc_id}/add-extend-cidr`,
    envelope: 'gateway',
    run: (call) => changeExtendCidrs(call, addBlocks),
  },
  {
    name: 'RemoveVpcExtendCidr',
    method: 'PUT',
    path: `${V3.root}/{vpc_id}/remove-extend-cidr`,
    envelope: 'gateway',
    run: (call) => changeExtendCidrs(call, removeBlocks),
  },
];

/** The caller's VPC by id. Throws VPC.0003. */
export function ownVpc({ state, project }: RestCall, id: string): Vpc {
  const vpc = state.vpcs.get(id);
  if (vpc?.projectId !== project.id) throw new HuaweiError(404, 'VPC.0003', 'VPC does not exist.');
  return vpc;
}

/** Makes a VPC with its default route table. */
export function makeVpc(
  state: HuaweiState,
  given: Pick<Vpc, 'projectId' | 'cidr'> & Partial<Pick<Vpc, 'name' | 'description'>>,
): { vpc: Vpc; routeTable: RouteTable } {
  const now = state.clock.now();
  const { projectId } = given;
  const vpc = state.vpcs.put({
    id: randomUUID(),
    projectId,
    name: given.name ?? '',
    description: given.description ?? '',
    cidr: given.cidr,
    extendCidrs: [],
    createdAt: now,
  });
  const routeTable = state.routeTables.put({
    id: randomUUID(),
    projectId,
    vpcId: vpc.id,
    name: `rtb-${given.name ?? 'vpc'}`,
    description: '',
    isDefault: true,
    routes: [],
    createdAt: now,
    updatedAt: now,
  });
  return { vpc, routeTable };
}

function create(call: RestCall, version: Version): RestAnswer {
  const given = call.body.object('vpc');
  const cidr = given.require('cidr');
  const block = parseIpv4Block(cidr);
  if (
    !isCanonicalIpv4Block(cidr) ||
    block === undefined ||
    block.prefixLength < 8 ||
    block.prefixLength > 28
  ) {
    throw new HuaweiError(400, 'VPC.0101', `Param cidr ${cidr} is invalid.`);
  }
  const { vpc } = makeVpc(call.state, {
    projectId: call.project.id,
    cidr,
    name: given.text('name') ?? '',
    description: given.text('description') ?? '',
  });
  return { status: version === V1 ? 200 : 201, body: { vpc: version.render(vpc) } };
}

function list(call: RestCall, version: Version): RestAnswer {
  const { state, query, project } = call;
  const ids = query.getAll('id');
  const matching = state.vpcs
    .by('project', project.id)
    .filter((vpc) => ids.length === 0 || ids.includes(vpc.id));
  const { page } = pageByMarker(query, matching);
  return { status: 200, body: { vpcs: page.map(version.render) } };
}

function show(call: RestCall, version: Version): RestAnswer {
  return { status: 200, body: { vpc: version.render(ownVpc(call, call.path['vpc_id'] ?? '')) } };
}

function remove(call: RestCall): RestAnswer {
  const { state, now } = call;
  const vpc = ownVpc(call, call.path['vpc_id'] ?? '');
  const isInUse = state.peerings
    .by('vpc', vpc.id)
    .some((peering) => ['PENDING_ACCEPTANCE', 'ACTIVE'].includes(statusAt(peering, now)));
  if (isInUse) throw new HuaweiError(409, 'VPC.0104', `Router ${vpc.id} still has VPC peerings.`);
  for (const table of state.routeTables.by('vpc', vpc.id)) state.routeTables.remove(table.id);
  state.vpcs.remove(vpc.id);
  return { status: 204, body: null };
}

function changeExtendCidrs(
  call: RestCall,
  change: (vpc: Vpc, blocks: readonly string[]) => readonly string[],
): RestAnswer {
  const vpc = ownVpc(call, call.path['vpc_id'] ?? '');
  const extendCidrs = change(vpc, call.body.object('vpc').texts('extend_cidrs'));
  return { status: 200, body: { vpc: renderV3(call.state.vpcs.update(vpc.id, { extendCidrs })) } };
}

function addBlocks(vpc: Vpc, blocks: readonly string[]): readonly string[] {
  const existing = [vpc.cidr, ...vpc.extendCidrs];
  for (const block of blocks) {
    if (!isCanonicalIpv4Block(block) || existing.some((other) => ipv4BlocksOverlap(other, block))) {
      throw new HuaweiError(400, 'VPC.0202', `Param extend_cidrs ${block} is invalid.`);
    }
  }
  return [...vpc.extendCidrs, ...blocks];
}

function removeBlocks(vpc: Vpc, blocks: readonly string[]): readonly string[] {
  const missing = blocks.find((block) => !vpc.extendCidrs.includes(block));
  if (missing !== undefined)
    throw new HuaweiError(400, 'VPC.0202', `Param extend_cidrs ${missing} is invalid.`);
  return vpc.extendCidrs.filter((block) => !blocks.includes(block));
}

function renderV1(vpc: Vpc): Readonly<Record<string, unknown>> {
  return {
    id: vpc.id,
    name: vpc.name,
    description: vpc.description,
    cidr: vpc.cidr,
    status: 'OK',
    routes: [],
    enterprise_project_id: '0',
    tenant_id: vpc.projectId,
    created_at: zonedTime(vpc.createdAt),
    updated_at: zonedTime(vpc.createdAt),
  };
}

function renderV3(vpc: Vpc): Readonly<Record<string, unknown>> {
  return {
    id: vpc.id,
    name: vpc.name,
    description: vpc.description,
    cidr: vpc.cidr,
    extend_cidrs: vpc.extendCidrs,
    status: 'ACTIVE',
    project_id: vpc.projectId,
    enterprise_project_id: '0',
    cloud_resources: [{ resource_type: 'routetable', resource_count: 1 }],
    tags: [],
    created_at: zonedTime(vpc.createdAt),
    updated_at: zonedTime(vpc.createdAt),
  };
}
