import coreSdk from '@huaweicloud/huaweicloud-sdk-core';
import vpcV2 from '@huaweicloud/huaweicloud-sdk-vpc/v2/public-api.js';

import { given, type OpenCustomer } from '../customer.js';

/** Asks from a VPC of their own, through Huawei Cloud's SDK. */
export const openHuaweiCustomer: OpenCustomer = (endpoint, account) => {
  const { accountId, accessKeyId, secretAccessKey } = account;
  const credentials = new coreSdk.BasicCredentials()
    .withAk(accessKeyId)
    .withSk(secretAccessKey)
    .withProjectId(accountId);
  const vpc = vpcV2.VpcClient.newBuilder().withCredential(credentials).withEndpoint(endpoint).build();
  return {
    async ask({ platform }, block) {
      const option = new vpcV2.CreateVpcOption().withName('customer-network').withCidr(block);
      const made = await vpc.createVpc(
        new vpcV2.CreateVpcRequest().withBody(new vpcV2.CreateVpcRequestBody().withVpc(option)),
      );
      const vpcId = given(made.vpc?.id, 'CreateVpc');
      const peering = new vpcV2.CreateVpcPeeringOption()
        .withName('to-the-platform')
        .withRequestVpcInfo(new vpcV2.VpcInfo().withVpcId(vpcId))
        .withAcceptVpcInfo(new vpcV2.VpcInfo().withVpcId(platform.vpcId).withTenantId(platform.accountId));
      const asked = await vpc.createVpcPeering(
        new vpcV2.CreateVpcPeeringRequest().withBody(
          new vpcV2.CreateVpcPeeringRequestBody().withPeering(peering),
        ),
      );
      const connectionId = given(asked.peering?.id, 'CreateVpcPeering');
      return {
        id: connectionId,
        spec: { cloud: { kind: 'huawei', connectionId, vpcId, userId: accountId }, cidrs: [block] },
      };
    },
  };
};
