import openapi from '@alicloud/openapi-core';

import { given, type OpenCustomer } from '../customer.js';

/** Asks from a VPC of their own, through Alibaba Cloud's generic OpenAPI client. */
export const openAlibabaCustomer: OpenCustomer = (endpoint, account, region) => {
  const { accountId, accessKeyId, secretAccessKey } = account;
  const client = new openapi.default(
    new openapi.$OpenApiUtil.Config({
      accessKeyId,
      accessKeySecret: secretAccessKey,
      endpoint: new URL(endpoint).host,
      protocol: 'http',
      regionId: region,
    }),
  );
  const call = async (version: string, action: string, parameters: Record<string, string>) => {
    const query = openapi.OpenApiUtil.query({ RegionId: region, ...parameters });
    const answer = await client.callApi(
      new openapi.$OpenApiUtil.Params({
        action,
        version,
        protocol: 'HTTP',
        pathname: '/',
        method: 'POST',
        authType: 'AK',
        style: 'RPC',
        reqBodyType: 'formData',
        bodyType: 'json',
      }),
      new openapi.$OpenApiUtil.OpenApiRequest({ query }),
      {} as never,
    );
    return answer['body'] as Readonly<Record<string, string | undefined>>;
  };
  return {
    async ask({ platform }, block) {
      const vpc = await call('2016-04-28', 'CreateVpc', { CidrBlock: block });
      const peering = await call('2022-01-01', 'CreateVpcPeerConnection', {
        VpcId: given(vpc['VpcId'], 'CreateVpc'),
        AcceptingAliUid: platform.accountId,
        AcceptingRegionId: region,
        AcceptingVpcId: platform.vpcId,
      });
      const requesterInstanceId = given(peering['InstanceId'], 'CreateVpcPeerConnection');
      return {
        id: requesterInstanceId,
        spec: { cloud: { kind: 'alibaba', requesterInstanceId, accountId } },
      };
    },
  };
};
