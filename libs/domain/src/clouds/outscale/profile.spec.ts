import { describe, expect, it } from '@jest/globals';
import type { ObservedPeering } from '../../cloud-port.js';
import { missingFields, type InstructionContext } from '../../cloud-profile.js';
import type { CloudSpec } from '../../cloud-spec.js';
import type { PlatformNetwork } from '../../peering-connection.js';
import { outscaleProfile } from './profile.js';

const spec: CloudSpec = {
  kind: 'outscale',
  netPeeringId: 'pcx-1a2b3c4d',
  accountId: '210987654321',
  netId: 'vpc-5e6f7a8b',
};
const network: PlatformNetwork = {
  deploymentId: 'dep_1',
  cloud: 'outscale',
  region: 'eu-west-2',
  accountId: '123456789012',
  vpcId: 'vpc-0a0b0c0d',
  cidrs: ['10.11.0.0/16', '10.12.0.0/16'],
  routeTableIds: null,
  driftPolicy: 'repair',
};
const request: ObservedPeering = {
  providerId: 'pcx-1a2b3c4d',
  phase: 'pending_platform',
  providerState: 'pending-acceptance',
  requester: { accountId: '210987654321', vpcId: 'vpc-5e6f7a8b', cidrs: ['172.16.0.0/16'] },
  accepter: { accountId: '123456789012', vpcId: 'vpc-0a0b0c0d', cidrs: ['10.11.0.0/16'] },
};

describe('the profile of OUTSCALE', () => {
  it.each([
    ['netPeeringId', 'pcx-1a2b3c4d', true],
    ['netPeeringId', 'pcx-0a1b2c3d4e5f60718', false],
    ['netPeeringId', 'vpc-1a2b3c4d', false],
    ['accountId', '012345678901', true],
    ['accountId', '12345678901', false],
    ['netId', 'vpc-5e6f7a8b', true],
    ['netId', 'vpc-5E6F7A8B', false],
  ])('takes for %s the value %s: %s', (name, value, fits) => {
    const field = outscaleProfile.fields.find((each) => each.name === name)!;
    expect(new RegExp(field.pattern).test(value)).toBe(fits);
    expect(new RegExp(field.pattern).test(field.example)).toBe(true);
  });

  it('asks a draft for what it still lacks', () => {
    expect(missingFields(outscaleProfile, { kind: 'outscale' }, [])).toEqual([
      'cloud.netPeeringId',
      'cloud.accountId',
      'cloud.netId',
    ]);
    expect(missingFields(outscaleProfile, spec, [])).toEqual([]);
  });

  it('finds the request by its id, whatever has become of it, and takes it for what was declared', () => {
    const other = { ...request, providerId: 'pcx-00000000' };
    const over: ObservedPeering = { ...request, phase: 'rejected' };
    expect(outscaleProfile.find(spec, [other, over], null)).toBe(over);
    expect(outscaleProfile.find(spec, [other], null)).toBeNull();
    expect(outscaleProfile.mismatches(spec, network, request)).toEqual([]);
  });

  it.each<[string, ObservedPeering, string]>([
    ['accountId', { ...request, requester: { ...request.requester, accountId: '1' } }, 'requester'],
    ['netId', { ...request, requester: { ...request.requester, vpcId: 'vpc-00000000' } }, 'requester'],
    ['netId', { ...request, requester: { accountId: '210987654321', cidrs: [] } }, 'requester'],
    ['accountId', { ...request, accepter: { ...request.accepter, accountId: '1' } }, 'accepter'],
    ['netId', { ...request, accepter: { ...request.accepter, vpcId: 'vpc-00000000' } }, 'accepter'],
  ])('names another %s', (field, observed, side) => {
    expect(outscaleProfile.mismatches(spec, network, observed)).toMatchObject([{ side, field }]);
  });

  it.each(['en', 'zh'] as const)('tells what to do, filled in, in %s', (locale) => {
    const context: InstructionContext = {
      network,
      spec,
      providerId: 'pcx-1a2b3c4d',
      customerCidrs: ['172.16.0.0/16'],
      locale,
    };
    const { instructions } = outscaleProfile;
    const create = instructions.createRequest(context);
    const route = instructions.addRoute(context);
    const rule = instructions.allowTraffic(context);
    expect(create.artifacts.cli).toBe(
      'osc-cli api CreateNetPeering --profile default \\\n  --SourceNetId vpc-5e6f7a8b \\\n' +
        `  --AccepterNetId vpc-0a0b0c0d \\\n  --AccepterOwnerId '"123456789012"' \\\n` +
        "  | jq '.NetPeering | {netPeeringId: .NetPeeringId, accountId: .SourceNet.AccountId, netId: .SourceNet.NetId}'",
    );
    for (const value of [network.accountId, network.vpcId, network.region, ...network.cidrs]) {
      expect(create.steps.join(' ')).toContain(value);
    }
    for (const cidr of network.cidrs) {
      expect(route?.artifacts.cli).toContain(`--DestinationIpRange ${cidr}`);
      expect(route?.artifacts.terraform).toContain(`"${cidr}"`);
      expect(rule?.artifacts.cli).toContain(`--IpRange ${cidr}`);
      expect(rule?.artifacts.terraform).toContain(`"${cidr}"`);
    }
    expect(route?.artifacts.terraform).toContain('net_peering_id       = "pcx-1a2b3c4d"');
    expect(instructions.addRoute({ ...context, providerId: null })).toBeNull();
    expect(instructions.approve(context)).toBeNull();
    for (const action of [create, route, rule]) {
      expect(Object.keys(action?.artifacts ?? {}).sort()).toEqual(['cli', 'console', 'terraform']);
      expect(/[\u4e00-\u9fff]/.test(action?.title ?? '')).toBe(locale === 'zh');
      expect(JSON.stringify(action)).not.toContain('undefined');
    }
  });

  it('leaves a place for the Net while it is not known', () => {
    const context: InstructionContext = {
      network,
      spec: { kind: 'outscale' },
      providerId: null,
      customerCidrs: [],
      locale: 'en',
    };
    const { artifacts } = outscaleProfile.instructions.createRequest(context);
    expect(artifacts.cli).toContain('--SourceNetId <your-net-id>');
    expect(artifacts.terraform).toContain('source_net_id     = "<your-net-id>"');
  });
});
