import { CreateVpcCommand, CreateVpcPeeringConnectionCommand, EC2Client } from '@aws-sdk/client-ec2';

import { given, type OpenCustomer } from '../customer.js';

/** Asks from a VPC of their own, through the AWS SDK. */
export const openAwsCustomer: OpenCustomer = (endpoint, account, region) => {
  const { accountId, accessKeyId, secretAccessKey } = account;
  const ec2 = new EC2Client({ endpoint, region, credentials: { accessKeyId, secretAccessKey } });
  return {
    async ask({ platform }, block) {
      const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: block }));
      const vpcId = given(Vpc?.VpcId, 'CreateVpc');
      const { VpcPeeringConnection } = await ec2.send(
        new CreateVpcPeeringConnectionCommand({
          VpcId: vpcId,
          PeerOwnerId: platform.accountId,
          PeerVpcId: platform.vpcId,
        }),
      );
      const connectionId = given(VpcPeeringConnection?.VpcPeeringConnectionId, 'CreateVpcPeeringConnection');
      return { id: connectionId, spec: { cloud: { kind: 'aws', connectionId, accountId, vpcId } } };
    },
  };
};
