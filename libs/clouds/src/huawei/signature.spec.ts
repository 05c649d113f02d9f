import coreSdk from '@huaweicloud/huaweicloud-sdk-core';
import signing from '@huaweicloud/huaweicloud-sdk-core/auth/AKSKSigner.js';
import { describe, expect, it } from '@jest/globals';
import { signedHeaders } from './signature.js';

const AT = new Date('2026-11-20T15:31:27.456Z');
const KEYS = { accessKeyId: 'HPUA0000EXAMPLE', secretAccessKey: 'example-secret-0000' };

/** What the vendor's own signer makes of the same request. */
function byVendor(method: string, url: URL, headers: Record<string, string>, data?: unknown): string {
  const { accessKeyId, secretAccessKey } = KEYS;
  const credential = new coreSdk.BasicCredentials().withAk(accessKeyId).withSk(secretAccessKey);
  const request = {
    endpoint: `${url.origin}${url.pathname}`,
    method,
    headers: { 'X-Sdk-Date': '20261120T153127Z', ...headers },
    queryParams: Object.fromEntries(url.searchParams),
    data,
  };
  const signed = signing.AKSKSigner.sign(request, credential) as Record<string, string>;
  return signed['Authorization'] ?? '';
}

describe('The signature', () => {
  it.each([
    [
      'GET',
      'https://vpc.cn-north-4.myhuaweicloud.com/v2.0/vpc/peerings?vpc_id=1&limit=1000&marker=a',
      undefined,
    ],
    ['GET', "http://127.0.0.1:4003/v3/p/vpc/vpcs/x?name=a%20b%2Bc*'()~%C3%A9%2F", undefined],
    ['PUT', 'https://vpc.cn-north-4.myhuaweicloud.com/v2.0/vpc/peerings/x/accept', undefined],
    ['PUT', 'https://vpc.cn-north-4.myhuaweicloud.com/v1/p/routetables/x', { routetable: { name: 'é' } }],
    ['GET', 'https://vpc.cn-north-4.myhuaweicloud.com/v2.0/', undefined],
  ])('of %s %s is that of the vendor’s SDK', (method, address, data) => {
    const url = new URL(address);
    const headers = { 'content-type': 'application/json', 'x-project-id': 'project' };
    const body = data === undefined ? '' : JSON.stringify(data);
    const signed = signedHeaders({ method, url, headers, body }, KEYS, AT);
    expect(signed['x-sdk-date']).toBe('20261120T153127Z');
    expect(signed['authorization']).toBe(byVendor(method, url, headers, data));
  });

  it('covers the token of temporary keys', () => {
    const request = { method: 'GET', url: new URL('https://x/'), headers: {}, body: '' };
    const signed = signedHeaders(request, { ...KEYS, securityToken: 'token' }, AT);
    expect(signed).toMatchObject({ 'x-security-token': 'token' });
    expect(signed['authorization']).toContain('SignedHeaders=host;x-sdk-date;x-security-token,');
  });
});
