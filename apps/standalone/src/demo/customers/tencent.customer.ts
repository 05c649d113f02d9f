import { Client } from 'tencentcloud-sdk-nodejs/tencentcloud/services/vpc/v20170312/vpc_client.js';

import { given, type OpenCustomer } from '../customer.js';

/** Has a CCN with a VPC of their own in it, and agrees to the platform's request, through Tencent Cloud's SDK. */
export const openTencentCustomer: OpenCustomer = (endpoint, account, region) => {
  const { accountId, accessKeyId, secretAccessKey } = account;
  const vpc = new Client({
    region,
    credential: { secretId: accessKeyId, secretKey: secretAccessKey },
    profile: { httpProfile: { endpoint: new URL(endpoint).host, protocol: 'http://' } },
  });
  const instance = (vpcId: string) => ({ InstanceId: vpcId, InstanceRegion: region, InstanceType: 'VPC' });
  return {
    async ask(_offer, block) {
      const { Vpc } = await vpc.CreateVpc({
        VpcName: 'customer-network',
        CidrBlock: block,
        EnableRouteVpcPublish: true,
      });
      const { Ccn } = await vpc.CreateCcn({ CcnName: 'customer-network' });
      const ccnId = given(Ccn?.CcnId, 'CreateCcn');
      await vpc.AttachCcnInstances({ CcnId: ccnId, Instances: [instance(given(Vpc?.VpcId, 'CreateVpc'))] });
      return { id: ccnId, spec: { cloud: { kind: 'tencent', ccnId, ccnOwnerUin: accountId } } };
    },
    async approve({ platform }, { id }) {
      await vpc.AcceptAttachCcnInstances({ CcnId: id, Instances: [instance(platform.vpcId)] });
    },
  };
};
