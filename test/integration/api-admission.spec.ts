/** What is refused before any cloud is asked: each with its place, its code and what to do; and nothing is written. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { deployments, peerings, quotas, reservedRanges } from '#database';

import type { ProblemView } from '../../apps/api/src/http/problem.view.js';
import type { PreflightView } from '../../apps/api/src/peerings/peering-reads.view.js';
import { ApiStage, awsSpec, type Answered, type StagedTenant } from '../support/api-stage.js';

let stage: ApiStage;
let tenant: StagedTenant;

beforeAll(async () => {
  stage = await ApiStage.open();
});

afterAll(async () => {
  await stage.close();
});

beforeEach(async () => {
  tenant = await stage.tenant();
});

const collection = (): string => `/v1/deployments/${tenant.deploymentId}/peerings`;

function post(body: unknown, headers: Record<string, string> = {}): Promise<Answered> {
  return stage.post(collection(), { key: tenant.administrator, body, headers });
}

async function preflight(body: unknown): Promise<PreflightView> {
  const path = `/v1/deployments/${tenant.deploymentId}/preflight`;
  const { status, body: view } = await stage.post<PreflightView>(path, { key: tenant.administrator, body });
  expect(status).toBe(200);
  return view;
}

async function written(): Promise<number> {
  const page = await stage.database.asOperator((scope) =>
    peerings.list(scope, { deploymentIds: [tenant.deploymentId] }, { limit: 200 }),
  );
  return page.items.length;
}

const places = ({ errors }: Pick<ProblemView, 'errors'>): string[] =>
  errors.map(({ pointer, code }) => `${pointer} ${code}`);

const { cloud } = awsSpec();

describe('bad input', () => {
  test.each<[string, unknown, string[]]>([
    ['no spec', {}, ['/spec required']],
    ['a list', [], [' wrong_type']],
    ['an unknown field', { spec: { cloud }, colour: 'red' }, ['/colour unknown_field']],
    ['an unknown field of spec', { spec: { cloud, region: 'x' } }, ['/spec/region unknown_field']],
    [
      'an unknown field of the cloud',
      { spec: { cloud: { ...cloud, subnet: 'x' } } },
      ['/spec/cloud/subnet unknown_field'],
    ],
    [
      'a field of another cloud',
      { spec: { cloud: { ...cloud, ccnId: 'ccn-1' } } },
      ['/spec/cloud/ccnId unknown_field'],
    ],
    ['no kind', { spec: { cloud: {} } }, ['/spec/cloud/kind required']],
    ['an unknown kind', { spec: { cloud: { kind: 'azure' } } }, ['/spec/cloud/kind not_one_of']],
    ['a cloud that is text', { spec: { cloud: 'aws' } }, ['/spec/cloud wrong_type']],
    [
      'a number as account',
      { spec: { cloud: { ...cloud, accountId: 210987654321 } } },
      ['/spec/cloud/accountId wrong_type'],
    ],
    [
      'an account of 11 digits',
      { spec: { cloud: { ...cloud, accountId: '21098765432' } } },
      ['/spec/cloud/accountId bad_format'],
    ],
    [
      'a line break after the account',
      { spec: { cloud: { ...cloud, accountId: '210987654321\n' } } },
      ['/spec/cloud/accountId bad_format'],
    ],
    [
      'a connection id of another cloud',
      { spec: { cloud: { ...cloud, connectionId: 'pcc-1' } } },
      ['/spec/cloud/connectionId bad_format'],
    ],
    ['an empty VPC id', { spec: { cloud: { ...cloud, vpcId: '' } } }, ['/spec/cloud/vpcId bad_format']],
    [
      'null for a field of the cloud',
      { spec: { cloud: { ...cloud, vpcId: null } } },
      ['/spec/cloud/vpcId wrong_type'],
    ],
    ['no prefix length', { spec: { cloud, cidrs: ['172.16.0.0'] } }, ['/spec/cidrs/0 not_cidr']],
    ['three numbers', { spec: { cloud, cidrs: ['172.16.0/16'] } }, ['/spec/cidrs/0 not_cidr']],
    [
      'an octet of 256',
      { spec: { cloud, cidrs: ['172.16.0.0/16', '172.256.0.0/16'] } },
      ['/spec/cidrs/1 bad_octet'],
    ],
    ['a leading zero', { spec: { cloud, cidrs: ['172.016.0.0/16'] } }, ['/spec/cidrs/0 leading_zero']],
    ['a prefix of 33', { spec: { cloud, cidrs: ['172.16.0.0/33'] } }, ['/spec/cidrs/0 bad_prefix']],
    ['host bits', { spec: { cloud, cidrs: ['172.16.0.1/16'] } }, ['/spec/cidrs/0 host_bits_set']],
    ['IPv6', { spec: { cloud, cidrs: ['fd00::/64'] } }, ['/spec/cidrs/0 ipv6_unsupported']],
    ['a number as block', { spec: { cloud, cidrs: [172] } }, ['/spec/cidrs/0 wrong_type']],
    ['blocks as text', { spec: { cloud, cidrs: '172.16.0.0/16' } }, ['/spec/cidrs wrong_type']],
    [
      '21 blocks',
      { spec: { cloud, cidrs: Array.from({ length: 21 }, (_, n) => `172.16.${String(n)}.0/24`) } },
      ['/spec/cidrs bad_count'],
    ],
    ['the reserved range', { spec: { cloud, cidrs: ['10.20.0.0/16'] } }, ['/spec/cidrs/0 cidr_reserved']],
    ['a loopback block', { spec: { cloud, cidrs: ['127.0.0.0/8'] } }, ['/spec/cidrs/0 cidr_unroutable']],
    [
      'blocks that overlap each other',
      { spec: { cloud, cidrs: ['172.16.0.0/16', '172.16.4.0/24'] } },
      ['/spec/cidrs/1 cidr_overlaps_itself'],
    ],
    [
      'a name of 101 characters',
      { displayName: 'x'.repeat(101), spec: { cloud } },
      ['/displayName bad_length'],
    ],
    [
      'a control character in the name',
      { displayName: 'a\u0000b', spec: { cloud } },
      ['/displayName bad_characters'],
    ],
    [
      'half a character in the name',
      { displayName: 'a\ud800', spec: { cloud } },
      ['/displayName bad_characters'],
    ],
    ['a null name', { displayName: null, spec: { cloud } }, ['/displayName wrong_type']],
    [
      'everything at once',
      { displayName: 7, x: 1, spec: { cloud: { ...cloud }, cidrs: ['x'] } },
      ['/x unknown_field', '/displayName wrong_type', '/spec/cidrs/0 not_cidr'],
    ],
    [
      'a wrong cloud and a wrong block',
      { spec: { cloud: { ...cloud, vpcId: 'x' }, cidrs: ['10.20.0.0/16'] } },
      ['/spec/cloud/vpcId bad_format', '/spec/cidrs/0 cidr_reserved'],
    ],
  ])('%s: says where, what and how to mend it; nothing is written', async (_, body, expected) => {
    const refused = await post(body);
    expect(refused.status).toBe(422);
    expect(refused.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect(refused.body).toMatchObject({ code: 'validation_failed', status: 422, retryable: false });
    expect(places(refused.body)).toEqual(expected);
    for (const error of refused.body.errors) {
      expect(error.detail).toMatch(/\w/);
      expect(error.fix).toMatch(/\w/);
      expect(`${error.detail} ${String(error.fix)}`).not.toMatch(/\{\w+\}/);
    }
    expect(await written()).toBe(0);
  });

  test.each([
    ['172.16.0.1/16', 'host_bits_set', '172.16.0.0/16'],
    ['10.0.0.0', 'not_cidr', '10.0.0.0/16'],
    ['172.016.0.0/16', 'leading_zero', '16'],
  ])('%s: the fix says what to type', async (cidr, code, hint) => {
    const { body } = await post({ spec: { cloud, cidrs: [cidr] } });
    expect(body.errors).toEqual([expect.objectContaining({ code, fix: expect.stringContaining(hint) })]);
  });
});

describe('the cloud of the request', () => {
  test('must be that of the deployment', async () => {
    const refused = await post({
      spec: { cloud: { kind: 'tencent', ccnId: 'ccn-1', ccnOwnerUin: '100000000001' } },
    });
    expect(refused.status).toBe(422);
    expect(refused.body.code).toBe('cloud_mismatch');
    expect(refused.body.title).toContain('aws');
    expect(refused.body.title).toContain('tencent');
    expect(places(refused.body)).toEqual(['/spec/cloud/kind other_cloud']);
    expect(await written()).toBe(0);
  });
});

describe('the reserved range', () => {
  test.each(['10.10.0.0/24', '10.64.255.0/24', '10.0.0.0/8', '10.64.0.0/10', '10.8.0.0/13', '0.0.0.0/0'])(
    'touches %s',
    async (cidr) => {
      const refused = await post({ spec: { cloud, cidrs: [cidr] } });
      expect(refused.status).toBe(422);
      expect(places(refused.body)).toContain('/spec/cidrs/0 cidr_reserved');
      expect(refused.body.conflicts).toContainEqual(
        expect.objectContaining({
          kind: 'reserved',
          cidr,
          with: '10.10.0.0-10.64.255.255',
          id: expect.stringMatching(/^rsv_/),
        }),
      );
    },
  );

  test.each(['10.9.255.0/24', '10.65.0.0/16', '10.128.0.0/9', '172.16.0.0/12'])(
    'leaves %s alone',
    async (cidr) => {
      const { status } = await post({ spec: { ...awsSpec({ cidrs: [cidr] }) } });
      expect(status).toBe(202);
    },
  );

  test('counts from the time on that the operator said', async () => {
    const at = stage.clock.now() + 3_600_000;
    const range = await stage.database.asOperator((scope) =>
      reservedRanges.create(scope, {
        version: 2,
        from: '100.0.0.0',
        to: '101.255.255.255',
        cloud: null,
        note: '',
        effectiveFrom: at,
        effectiveUntil: null,
      }),
    );
    expect(await preflight({ spec: awsSpec({ cidrs: ['100.0.0.0/24'] }) })).toMatchObject({ ok: true });
    stage.clock.advance(3_600_001);
    const verdict = await preflight({ spec: awsSpec({ cidrs: ['100.0.0.0/24'] }) });
    expect(verdict.problems[0]!.conflicts).toEqual([
      expect.objectContaining({ kind: 'reserved', id: range.id, with: '100.0.0.0-101.255.255.255' }),
    ]);
    await stage.database.asOperator((scope) => reservedRanges.remove(scope, range.id));
  });
});

describe('collisions with what others hold', () => {
  test('are 409, and name every holder', async () => {
    await stage.database.asOperator((scope) =>
      deployments.update(scope, tenant.deploymentId, { cidrs: ['10.11.0.0/16', '192.168.0.0/24'] }),
    );
    const first = await stage.peering(tenant, { spec: awsSpec({ cidrs: ['172.16.0.0/16'] }) });
    const second = await stage.peering(tenant, { spec: awsSpec({ cidrs: ['172.17.8.0/24'] }) });
    const refused = await post({ spec: awsSpec({ cidrs: ['172.16.0.0/15', '192.168.0.0/16'] }) });
    expect(refused.status).toBe(409);
    expect(refused.body.code).toBe('cidr_conflict');
    expect(refused.body.conflicts).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          kind: 'peering',
          id: first.id,
          cidr: '172.16.0.0/15',
          with: '172.16.0.0/16',
        }),
        expect.objectContaining({
          kind: 'peering',
          id: second.id,
          cidr: '172.16.0.0/15',
          with: '172.17.8.0/24',
        }),
        expect.objectContaining({ kind: 'deployment', cidr: '192.168.0.0/16', with: '192.168.0.0/24' }),
      ]),
    );
    expect(refused.body.conflicts).toHaveLength(3);
    expect(new Set(places(refused.body))).toEqual(
      new Set(['/spec/cidrs/0 cidr_overlaps_peering', '/spec/cidrs/1 cidr_overlaps_deployment']),
    );
    expect(refused.body.fix).toContain('cidr-suggestions');
    expect(await written()).toBe(2);
  });

  test('end with the connection that held the block', async () => {
    const first = await stage.peering(tenant, { spec: awsSpec({ cidrs: ['172.16.0.0/16'] }) });
    await stage.place(first.id, { state: 'deleted' });
    expect((await post({ spec: awsSpec({ cidrs: ['172.16.0.0/16'] }) })).status).toBe(202);
  });

  test('are no matter between deployments', async () => {
    await stage.peering(tenant, { spec: awsSpec({ cidrs: ['172.16.0.0/16'] }) });
    const { id } = await stage.deployment(tenant);
    const body = { spec: awsSpec({ cidrs: ['172.16.0.0/16'] }) };
    const made = await stage.post(`/v1/deployments/${id}/peerings`, { key: tenant.administrator, body });
    expect(made.status).toBe(202);
  });

  test('in a race let exactly one through', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        post({ spec: awsSpec({ cidrs: [`172.16.0.0/${String(16 + n)}`] }) }),
      ),
    );
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([202, ...Array.from({ length: 7 }, () => 409)]);
    for (const { status, body } of answers) {
      if (status === 409)
        expect(body).toMatchObject({ code: 'cidr_conflict', conflicts: [{ kind: 'peering' }] });
    }
    expect(await written()).toBe(1);
  });
});

describe('a pair of networks', () => {
  test('is connected once: the other connection is named', async () => {
    const spec = awsSpec();
    const first = await stage.peering(tenant, { spec });
    const { cloud: again } = awsSpec({ cloud: { vpcId: spec.cloud.vpcId } });
    const refused = await post({ spec: { cloud: again } });
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({
      code: 'connection_exists',
      conflicts: [{ kind: 'peering', id: first.id }],
      title: expect.stringContaining(first.id),
    });
    expect(refused.headers.get('location')).toBe(`/v1/peerings/${first.id}`);
    expect(await preflight({ spec: { cloud: again } })).toMatchObject({
      ok: false,
      problems: [{ code: 'connection_exists', conflicts: [{ id: first.id }] }],
    });
  });

  test('can be connected again once that has ended', async () => {
    const spec = awsSpec();
    const first = await stage.peering(tenant, { spec });
    await stage.place(first.id, { state: 'failed', ending: null });
    expect(await preflight({ spec })).toMatchObject({ ok: true });
    expect((await post({ spec })).status).toBe(202);
  });
});

describe('the deployment', () => {
  test('needs the edition that has peering', async () => {
    const { id } = await stage.deployment(tenant, { edition: 'dedicated_standard' });
    const path = `/v1/deployments/${id}/peerings`;
    const refused = await stage.post(path, { key: tenant.administrator, body: { spec: awsSpec() } });
    expect(refused.status).toBe(403);
    expect(refused.body).toMatchObject({
      code: 'edition_required',
      fix: expect.stringContaining('dedicated_professional'),
    });
    expect(refused.body.title).toContain('dedicated_standard');
  });

  test.each(['creating', 'stopped'] as const)('must not be %s', async (status) => {
    const { id } = await stage.deployment(tenant, { status });
    const path = `/v1/deployments/${id}/peerings`;
    const refused = await stage.post(path, { key: tenant.administrator, body: { spec: awsSpec() } });
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({
      code: 'deployment_not_ready',
      title: expect.stringContaining(status),
    });
  });
});

describe('quotas', () => {
  const limit = (name: string, value: number): Promise<unknown> =>
    stage.database.asOperator((scope) => quotas.set(scope, { tenantId: tenant.id, name, value }));

  test.each(['peerings_per_deployment', 'peerings_per_tenant'])(
    '%s is not exceeded, even in a race',
    async (name) => {
      await limit(name, 3);
      const answers = await Promise.all(Array.from({ length: 8 }, () => post({ spec: awsSpec() })));
      expect(answers.filter(({ status }) => status === 202)).toHaveLength(3);
      const refused = answers.filter(({ status }) => status === 403);
      expect(refused).toHaveLength(5);
      expect(refused[0]!.body).toMatchObject({
        code: 'quota_exceeded',
        title: expect.stringContaining(name),
      });
      expect(await written()).toBe(3);
    },
  );

  test('count what is live only', async () => {
    await limit('peerings_per_deployment', 1);
    const { id } = await stage.peering(tenant);
    expect((await post({ spec: awsSpec() })).status).toBe(403);
    await stage.place(id, { state: 'failed', ending: null });
    const second = await post({ spec: awsSpec() });
    expect(second.status).toBe(202);
    const retried = await stage.post(`/v1/peerings/${id}/retry`, { key: tenant.administrator });
    expect(retried.body.code).toBe('quota_exceeded');
  });

  test('are shown with what is used', async () => {
    await limit('peerings_per_deployment', 7);
    await stage.peering(tenant);
    const shown = await stage.get<{ items: object[] }>(`/v1/quotas?deployment=${tenant.deploymentId}`, {
      key: tenant.administrator,
    });
    expect(shown.body.items).toEqual([
      expect.objectContaining({
        name: 'peerings_per_deployment',
        limit: 7,
        used: 1,
        setAt: expect.any(String),
      }),
      expect.objectContaining({ name: 'peerings_per_tenant', limit: 1000, used: 1, setAt: null }),
    ]);
  });
});

describe('preflight', () => {
  test('of what would be accepted says so, and writes nothing', async () => {
    const verdict = await preflight({ displayName: 'prod', spec: awsSpec({ cidrs: ['172.16.0.0/16'] }) });
    expect(verdict).toEqual({ ok: true, state: 'verifying', missing: [], problems: [] });
    expect(await written()).toBe(0);
  });

  test('of a draft says what is missing', async () => {
    expect(await preflight({ spec: { cloud: { kind: 'aws', vpcId: cloud.vpcId } } })).toEqual({
      ok: true,
      state: 'awaiting_request',
      missing: ['cloud.connectionId', 'cloud.accountId'],
      problems: [],
    });
  });

  test('reports every problem at once', async () => {
    const { id } = await stage.deployment(tenant, { edition: 'dedicated_standard', status: 'creating' });
    const path = `/v1/deployments/${id}/preflight`;
    const body = {
      colour: 1,
      spec: { cloud: { ...cloud, vpcId: 'x' }, cidrs: ['10.0.0.0/8', '127.0.0.0/8'] },
    };
    const { body: verdict } = await stage.post<PreflightView>(path, { key: tenant.administrator, body });
    expect(verdict).toMatchObject({ ok: false, state: null });
    expect(verdict.problems.map(({ code }) => code)).toEqual([
      'edition_required',
      'deployment_not_ready',
      'validation_failed',
    ]);
    expect(places(verdict.problems[2]!)).toEqual(
      expect.arrayContaining([
        '/colour unknown_field',
        '/spec/cloud/vpcId bad_format',
        '/spec/cidrs/0 cidr_reserved',
        '/spec/cidrs/0 cidr_overlaps_deployment',
        '/spec/cidrs/1 cidr_unroutable',
      ]),
    );
  });

  test('judges the cloud even where a block cannot be read', async () => {
    const { problems } = await preflight({ spec: { cloud: { kind: 'aws', x: 1 }, cidrs: ['x'] } });
    expect(problems).toHaveLength(1);
    expect(places(problems[0]!)).toEqual(['/spec/cidrs/0 not_cidr', '/spec/cloud/x unknown_field']);
  });
});

describe('in Chinese', () => {
  const chinese = { 'accept-language': 'zh-CN,zh;q=0.9,en;q=0.8' };

  test('problems keep their codes and speak the language', async () => {
    const english = await post({ spec: { cloud: { ...cloud, accountId: 'x' }, cidrs: ['10.0.0.0/8'] } });
    const refused = await post(
      { spec: { cloud: { ...cloud, accountId: 'x' }, cidrs: ['10.0.0.0/8'] } },
      chinese,
    );
    expect(refused.headers.get('content-language')).toBe('zh');
    expect(places(refused.body)).toEqual(places(english.body));
    const texts = [
      refused.body.title,
      refused.body.fix,
      ...refused.body.errors.flatMap((e) => [e.detail, e.fix]),
    ];
    for (const text of texts) expect(text).toMatch(/[\u4e00-\u9fff]/);
    for (const conflict of refused.body.conflicts) expect(conflict.detail).toMatch(/[\u4e00-\u9fff]/);
  });

  test.each([
    '172.16.0.0',
    '172.256.0.0/16',
    '172.016.0.0/16',
    '172.16.0.0/33',
    '172.16.0.1/16',
    'fd00::/64',
  ])('the block %s is explained', async (cidr) => {
    const { body } = await post({ spec: { cloud, cidrs: [cidr] } }, chinese);
    expect(body.errors[0]!.detail).toMatch(/[\u4e00-\u9fff]/);
    expect(body.errors[0]!.fix).toMatch(/[\u4e00-\u9fff]/);
    expect(`${body.errors[0]!.detail}${body.errors[0]!.fix!}`).not.toMatch(/\{\w+\}/);
  });

  test('a connection says why and what next', async () => {
    const { body } = await stage.post<{
      status: { reason: { message: string }; nextActions: { title: string }[] };
    }>(collection(), {
      key: tenant.administrator,
      body: { spec: { cloud: { kind: 'aws' } } },
      headers: chinese,
    });
    expect(body.status.reason.message).toMatch(/[\u4e00-\u9fff]/);
    for (const { title } of body.status.nextActions) expect(title).toMatch(/[\u4e00-\u9fff]/);
  });
});
