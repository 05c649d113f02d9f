import { describe, expect, it } from '@jest/globals';
import type { ObservedPeering } from '../../cloud-port.js';
import { missingFields, type InstructionContext } from '../../cloud-profile.js';
import type { CloudSpec } from '../../cloud-spec.js';
import type { PlatformNetwork } from '../../peering-connection.js';
import { huaweiProfile } from './profile.js';

const spec: CloudSpec = {
  kind: 'huawei',
  connectionId: '22b76469-08e3-4937-8c1d-7aad34892be1',
  vpcId: '9daeac7c-a98f-430f-8e38-67f9c044e299',
  userId: '7116d09f88fa41908676fdd4b039e95b',
};
const withProject: CloudSpec = { ...spec, projectId: 'f65e9ebced5d418ba9319a723718ba4e' };
const network: PlatformNetwork = {
  deploymentId: 'dep_1',
  cloud: 'huawei',
  region: 'cn-north-4',
  accountId: '059a737356594b41b447b557bf0aae56',
  vpcId: 'f583c072-0bb8-4e19-afb2-afb7c1693be5',
  cidrs: ['10.11.0.0/16', '10.12.0.0/16'],
  routeTableIds: null,
  driftPolicy: 'repair',
};
const request: ObservedPeering = {
  providerId: '22b76469-08e3-4937-8c1d-7aad34892be1',
  phase: 'pending_platform',
  providerState: 'PENDING_ACCEPTANCE',
  requester: {
    projectId: 'f65e9ebced5d418ba9319a723718ba4e',
    vpcId: '9daeac7c-a98f-430f-8e38-67f9c044e299',
    region: 'cn-north-4',
    cidrs: [],
  },
  accepter: {
    accountId: '059a737356594b41b447b557bf0aae56',
    projectId: '059a737356594b41b447b557bf0aae56',
    vpcId: 'f583c072-0bb8-4e19-afb2-afb7c1693be5',
    region: 'cn-north-4',
    cidrs: [],
  },
};

describe('the profile of Huawei Cloud', () => {
  it.each([
    ['connectionId', '22b76469-08e3-4937-8c1d-7aad34892be1', true],
    ['connectionId', 'pcx-0a1b2c3d', false],
    ['vpcId', '9DAEAC7C-A98F-430F-8E38-67F9C044E299', false],
    ['userId', '7116d09f88fa41908676fdd4b039e95b', true],
    ['userId', '7116d09f', false],
    ['projectId', 'f65e9ebced5d418ba9319a723718ba4e', true],
  ])('takes for %s the value %s: %s', (name, value, fits) => {
    const field = huaweiProfile.fields.find((each) => each.name === name)!;
    expect(new RegExp(field.pattern).test(value)).toBe(fits);
    expect(new RegExp(field.pattern).test(field.example)).toBe(true);
  });

  it('needs the blocks to be declared, because the cloud never tells them', () => {
    expect(missingFields(huaweiProfile, spec, [])).toEqual(['cidrs']);
    expect(missingFields(huaweiProfile, { kind: 'huawei' }, ['172.16.0.0/16'])).toEqual([
      'cloud.connectionId',
      'cloud.vpcId',
      'cloud.userId',
    ]);
  });

  it('finds the request by its id and takes it for what was declared', () => {
    const other = { ...request, providerId: 'f583c072-0bb8-4e19-afb2-afb7c1693be5' };
    expect(huaweiProfile.find(spec, [other, request], null)).toBe(request);
    expect(huaweiProfile.find(spec, [other], null)).toBeNull();
    expect(huaweiProfile.mismatches(spec, network, request)).toEqual([]);
    expect(huaweiProfile.mismatches(withProject, network, request)).toEqual([]);
  });

  it('compares the project only where one was declared', () => {
    const elsewhere = { ...request, requester: { ...request.requester, projectId: '0'.repeat(32) } };
    expect(huaweiProfile.mismatches(spec, network, elsewhere)).toEqual([]);
    expect(huaweiProfile.mismatches(withProject, network, elsewhere)).toMatchObject([
      { side: 'requester', field: 'projectId', declared: withProject['projectId'], observed: '0'.repeat(32) },
    ]);
  });

  it.each<[string, ObservedPeering, string]>([
    ['vpcId', { ...request, requester: { ...request.requester, vpcId: 'other' } }, 'requester'],
    ['vpcId', { ...request, accepter: { ...request.accepter, vpcId: 'other' } }, 'accepter'],
    ['accountId', { ...request, accepter: { ...request.accepter, accountId: 'other' } }, 'accepter'],
    ['region', { ...request, accepter: { ...request.accepter, region: 'cn-east-3' } }, 'accepter'],
  ])('names another %s', (field, observed, side) => {
    expect(huaweiProfile.mismatches(spec, network, observed)).toMatchObject([{ side, field }]);
  });

  it.each(['en', 'zh'] as const)('tells what to do, filled in, in %s', (locale) => {
    const context: InstructionContext = {
      network,
      spec,
      providerId: '22b76469-08e3-4937-8c1d-7aad34892be1',
      customerCidrs: ['172.16.0.0/16'],
      locale,
    };
    const { instructions } = huaweiProfile;
    const request = instructions.createRequest(context);
    const route = instructions.addRoute(context);
    const rule = instructions.allowTraffic(context);
    for (const value of [network.accountId, network.vpcId, network.region, spec['vpcId'] ?? '']) {
      expect(JSON.stringify(request)).toContain(value);
    }
    for (const cidr of network.cidrs) {
      expect(route?.artifacts.cli).toContain(`destination=${cidr}`);
      expect(route?.artifacts.terraform).toContain(`"${cidr}"`);
      expect(rule?.artifacts.cli).toContain(`remote_ip_prefix=${cidr}`);
    }
    expect(route?.artifacts.cli).toContain('nexthop=22b76469-08e3-4937-8c1d-7aad34892be1');
    expect(instructions.addRoute({ ...context, providerId: null })).toBeNull();
    expect(instructions.approve(context)).toBeNull();
    for (const action of [request, route, rule]) {
      expect(Object.keys(action?.artifacts ?? {}).sort()).toEqual(['cli', 'console', 'terraform']);
      expect(/[\u4e00-\u9fff]/.test(action?.title ?? '')).toBe(locale === 'zh');
      expect(JSON.stringify(action)).not.toContain('undefined');
    }
  });
});
