import { Hash } from '@smithy/hash-node';
import { SignatureV4 } from '@smithy/signature-v4';

import { given, type OpenCustomer } from '../customer.js';

interface Answer {
  readonly Net?: { readonly NetId: string };
  readonly Subnet?: { readonly SubnetId: string };
  readonly NetPeering?: { readonly NetPeeringId: string };
  readonly Errors?: readonly { readonly Code: string; readonly Details: string }[];
}

/** Asks from a Net of their own, with the VM that peerings need. OUTSCALE's SDK is not on npm: calls are signed here. */
export const openOutscaleCustomer: OpenCustomer = (endpoint, account, region) => {
  const { accountId, accessKeyId, secretAccessKey } = account;
  const signer = new SignatureV4({
    credentials: { accessKeyId, secretAccessKey },
    region,
    service: 'api',
    sha256: Hash.bind(null, 'sha256'),
  });
  const call = async (action: string, parameters: Record<string, unknown>): Promise<Answer> => {
    const url = new URL(`/api/v1/${action}`, endpoint);
    const body = JSON.stringify(parameters);
    const { headers } = await signer.sign({
      method: 'POST',
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      headers: { host: url.host, 'content-type': 'application/json' },
      body,
    });
    const response = await fetch(url, { method: 'POST', headers, body });
    const answer = (await response.json()) as Answer;
    const [error] = answer.Errors ?? [];
    if (error) throw new Error(`${action}: ${error.Code}: ${error.Details}`);
    return answer;
  };
  return {
    async ask({ platform }, block) {
      const { Net } = await call('CreateNet', { IpRange: block });
      const netId = given(Net?.NetId, 'CreateNet');
      const { Subnet } = await call('CreateSubnet', { NetId: netId, IpRange: block });
      await call('CreateVms', { ImageId: 'ami-12345678', SubnetId: given(Subnet?.SubnetId, 'CreateSubnet') });
      const { NetPeering } = await call('CreateNetPeering', {
        SourceNetId: netId,
        AccepterNetId: platform.vpcId,
        AccepterOwnerId: platform.accountId,
      });
      const netPeeringId = given(NetPeering?.NetPeeringId, 'CreateNetPeering');
      return { id: netPeeringId, spec: { cloud: { kind: 'outscale', netPeeringId, accountId, netId } } };
    },
  };
};
