import { describe, expect, it } from '@jest/globals';
import type { ObservedPeering } from '../../cloud-port.js';
import type { InstructionContext, NextAction } from '../../cloud-profile.js';
import type { CloudSpec } from '../../cloud-spec.js';
import type { PlatformNetwork } from '../../peering-connection.js';
import { tencentProfile } from './profile.js';

const spec: CloudSpec = { kind: 'tencent', ccnId: 'ccn-f49l6u0z', ccnOwnerUin: '100033334444' };
const network: PlatformNetwork = {
  deploymentId: 'dep_1',
  cloud: 'tencent',
  region: 'ap-guangzhou',
  accountId: '100011112222',
  vpcId: 'vpc-azd4dt1c',
  cidrs: ['10.11.0.0/16', '10.12.0.0/16'],
  routeTableIds: null,
  driftPolicy: 'repair',
};
const attachment: ObservedPeering = {
  providerId: 'ccn-f49l6u0z',
  phase: 'pending_customer',
  providerState: 'PENDING',
  requester: {
    accountId: '100011112222',
    vpcId: 'vpc-azd4dt1c',
    region: 'ap-guangzhou',
    cidrs: ['10.11.0.0/16'],
  },
  accepter: { accountId: '100033334444', vpcId: 'ccn-f49l6u0z', cidrs: [] },
};

describe('the profile of Tencent Cloud', () => {
  it.each([
    ['ccnId', 'ccn-f49l6u0z', true],
    ['ccnId', 'ccn-F49L6U0Z', false],
    ['ccnId', 'vpc-azd4dt1c', false],
    ['ccnOwnerUin', '100012345678', true],
    ['ccnOwnerUin', '979137', true],
    ['ccnOwnerUin', '0979137', false],
    ['ccnOwnerUin', '1251111222x', false],
  ])('takes for %s the value %s: %s', (name, value, fits) => {
    const field = tencentProfile.fields.find((each) => each.name === name)!;
    expect(new RegExp(field.pattern).test(value)).toBe(fits);
    expect(new RegExp(field.pattern).test(field.example)).toBe(true);
  });

  it('finds the attachment by its CCN and takes it for what was declared', () => {
    const other = { ...attachment, providerId: 'ccn-00000000' };
    expect(tencentProfile.find(spec, [other, attachment], null)).toBe(attachment);
    expect(tencentProfile.find(spec, [other], null)).toBeNull();
    expect(tencentProfile.mismatches(spec, network, attachment)).toEqual([]);
  });

  it.each<[string, ObservedPeering, string]>([
    ['ccnOwnerUin', { ...attachment, accepter: { ...attachment.accepter, accountId: '1' } }, 'requester'],
    ['ccnId', { ...attachment, accepter: { ...attachment.accepter, vpcId: 'ccn-00000000' } }, 'requester'],
    ['accountId', { ...attachment, requester: { ...attachment.requester, accountId: '1' } }, 'accepter'],
    ['vpcId', { ...attachment, requester: { ...attachment.requester, vpcId: 'vpc-00000000' } }, 'accepter'],
    ['region', { ...attachment, requester: { ...attachment.requester, region: 'ap-beijing' } }, 'accepter'],
  ])('names another %s', (field, observed, side) => {
    expect(tencentProfile.mismatches(spec, network, observed)).toMatchObject([{ side, field }]);
  });

  it.each(['en', 'zh'] as const)('tells what to do, filled in, in %s', (locale) => {
    const context: InstructionContext = {
      network,
      spec,
      providerId: 'ccn-f49l6u0z',
      customerCidrs: ['172.16.0.0/16'],
      locale,
    };
    const { instructions } = tencentProfile;
    const told = (action: NextAction | null): string => JSON.stringify(action);
    for (const value of ['vpc-azd4dt1c', '100011112222', 'ap-guangzhou']) {
      expect(told(instructions.createRequest(context))).toContain(value);
      expect(told(instructions.approve(context))).toContain(value);
    }
    expect(instructions.approve(context)?.artifacts.cli).toBe(
      'tccli vpc AcceptAttachCcnInstances --cli-unfold-argument \\\n  --region ap-guangzhou \\\n' +
        '  --CcnId ccn-f49l6u0z \\\n  --Instances.0.InstanceId vpc-azd4dt1c \\\n' +
        '  --Instances.0.InstanceRegion ap-guangzhou \\\n  --Instances.0.InstanceType VPC',
    );
    expect(told(instructions.addRoute(context))).toContain('ccn-f49l6u0z');
    for (const cidr of network.cidrs) expect(told(instructions.allowTraffic(context))).toContain(cidr);
    for (const action of [
      instructions.createRequest(context),
      instructions.approve(context),
      instructions.addRoute(context),
      instructions.allowTraffic(context),
    ]) {
      expect(Object.keys(action?.artifacts ?? {}).sort()).toEqual(['cli', 'console', 'terraform']);
      expect(/[\u4e00-\u9fff]/.test(action?.title ?? '')).toBe(locale === 'zh');
      expect(told(action)).not.toContain('undefined');
    }
  });
});
