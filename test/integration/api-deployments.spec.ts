/** What customers read about their deployments, and what the API says of itself. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import {
  parseCidr,
  PEERING_STATES,
  PROBLEMS,
  profileOf,
  REASONS,
  reservedInterval,
  SERVED_CLOUDS,
  STATE_MACHINE,
  overlaps,
} from '#domain';

import type {
  CidrSuggestionsView,
  DeploymentPageView,
  DeploymentView,
  OfferView,
} from '../../apps/api/src/deployments/deployment.view.js';
import type { ErrorCatalogueView, StateMachineView } from '../../apps/api/src/meta/meta.view.js';
import { ApiStage, awsSpec, type StagedTenant } from '../support/api-stage.js';

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

const asAdministrator = () => ({ key: tenant.administrator });
const inChinese = () => ({ ...asAdministrator(), headers: { 'accept-language': 'zh' } });

describe('deployments', () => {
  test('are read with their network, and when it was compared with the cloud', async () => {
    const { body } = await stage.get<DeploymentView>(
      `/v1/deployments/${tenant.deploymentId}`,
      asAdministrator(),
    );
    expect(body).toMatchObject({
      id: tenant.deploymentId,
      cloud: 'aws',
      region: 'eu-central-1',
      edition: 'dedicated_professional',
      status: 'active',
      projectId: tenant.projectId,
      vpc: { id: expect.stringMatching(/^vpc-/), cidrs: ['10.11.0.0/16'], checkedAt: null, problem: null },
      platform: { accountId: '123456789012' },
    });
  });

  test('are listed newest first, by cloud and page', async () => {
    const second = await stage.deployment(tenant, { cloud: 'tencent', region: 'ap-guangzhou' });
    const third = await stage.deployment(tenant);
    const list = async (query: string): Promise<DeploymentPageView> =>
      (await stage.get<DeploymentPageView>(`/v1/deployments?${query}`, asAdministrator())).body;
    const ids = ({ items }: DeploymentPageView): string[] => items.map(({ id }) => id);
    expect(ids(await list(''))).toEqual([third.id, second.id, tenant.deploymentId]);
    expect(ids(await list('cloud=tencent'))).toEqual([second.id]);
    const page = await list('limit=2');
    expect(ids(page)).toEqual([third.id, second.id]);
    expect(ids(await list(`limit=2&cursor=${page.nextCursor!}`))).toEqual([tenant.deploymentId]);
  });
});

describe('the offer', () => {
  const offerOf = async (id: string, options = asAdministrator()): Promise<OfferView> =>
    (await stage.get<OfferView>(`/v1/deployments/${id}/peering-offer`, options)).body;

  test('names what to address, what to give, and what to keep away from', async () => {
    const offer = await offerOf(tenant.deploymentId);
    expect(offer).toMatchObject({
      cloud: 'aws',
      region: 'eu-central-1',
      initiator: 'customer',
      platform: { accountId: '123456789012', vpcId: expect.stringMatching(/^vpc-/), cidrs: ['10.11.0.0/16'] },
      reservedRanges: [{ from: '10.10.0.0', to: '10.64.255.255' }],
    });
    expect(offer).not.toHaveProperty('approvalWindowSeconds');
    expect(offer.artifacts['cli']).toContain(offer.platform.vpcId);
    expect(offer.steps.join(' ')).toContain(offer.platform.accountId);
  });

  test.each(SERVED_CLOUDS)('on %s describes exactly what a request takes', async (cloud) => {
    const { id } = await stage.deployment(tenant, { cloud });
    const offer = await offerOf(id);
    const { capabilities, fields, cidrsRequired } = profileOf(cloud);
    expect(offer.initiator).toBe(capabilities.initiator);
    expect(offer.approvalWindowSeconds).toBe(capabilities.approvalWindow ? 600 : undefined);
    const schema = offer.fields as {
      required: string[];
      properties: { cloud: { required: string[]; properties: Record<string, { examples?: string[] }> } };
    };
    expect(schema.required).toEqual(cidrsRequired ? ['cloud', 'cidrs'] : ['cloud']);
    const given = schema.properties.cloud;
    const example = Object.fromEntries(
      given.required.map((name) => [name, name === 'kind' ? cloud : given.properties[name]!.examples![0]!]),
    );
    expect(given.required).toEqual([
      'kind',
      ...fields.filter(({ required }) => required).map(({ name }) => name),
    ]);
    const body = { spec: { cloud: example, ...(cidrsRequired ? { cidrs: ['172.16.0.0/16'] } : {}) } };
    const made = await stage.post<{ status: { state: string } }>(`/v1/deployments/${id}/peerings`, {
      ...asAdministrator(),
      body,
    });
    expect(made.status).toBe(202);
    expect(made.body.status.state).toBe(capabilities.initiator === 'customer' ? 'verifying' : 'requesting');
  });

  test('speaks Chinese', async () => {
    const offer = await offerOf(tenant.deploymentId, inChinese());
    for (const step of offer.steps) expect(step).toMatch(/[\u4e00-\u9fff]/);
    expect(JSON.stringify(offer.fields)).toMatch(/[\u4e00-\u9fff]/);
  });
});

describe('suggestions of blocks', () => {
  const suggest = async (query = ''): Promise<CidrSuggestionsView> =>
    (
      await stage.get<CidrSuggestionsView>(
        `/v1/deployments/${tenant.deploymentId}/cidr-suggestions${query}`,
        asAdministrator(),
      )
    ).body;

  test('collide with nothing, and can be used', async () => {
    await stage.peering(tenant, { spec: awsSpec({ cidrs: ['172.16.0.0/16', '172.18.128.0/17'] }) });
    const { prefix, items } = await suggest();
    expect(prefix).toBe(16);
    expect(items).toEqual([
      '172.17.0.0/16',
      '172.19.0.0/16',
      '172.20.0.0/16',
      '172.21.0.0/16',
      '172.22.0.0/16',
    ]);
    await stage.peering(tenant, { spec: awsSpec({ cidrs: items }) });
    expect((await suggest()).items).not.toEqual(expect.arrayContaining([...items]));
  });

  test.each([
    ['?prefix=24&count=2', ['172.16.0.0/24', '172.16.1.0/24']],
    ['?prefix=9&count=50', ['10.128.0.0/9']],
  ])('%s gives %j', async (query, items) => {
    expect((await suggest(query)).items).toEqual(items);
  });

  test('keep away from the reserved range', async () => {
    const { items } = await suggest('?prefix=16&count=50');
    const reserved = reservedInterval({ from: '10.10.0.0', to: '10.64.255.255' });
    expect(items.filter((cidr) => overlaps(parseCidr(cidr), reserved))).toEqual([]);
    expect(new Set(items).size).toBe(50);
  });

  test.each(['prefix=8', 'prefix=29', 'count=0', 'count=51', 'count=x'])('refuse %s', async (query) => {
    const path = `/v1/deployments/${tenant.deploymentId}/cidr-suggestions?${query}`;
    const { status, body } = await stage.get(path, asAdministrator());
    expect(status).toBe(422);
    expect(body.errors[0]!.pointer).toBe(`?${query.split('=')[0]!}`);
  });
});

describe('the API about itself', () => {
  test('publishes the table that the engine runs on', async () => {
    const { body } = await stage.get<StateMachineView>('/v1/meta/state-machine', asAdministrator());
    expect(body.states).toEqual(PEERING_STATES.map((state) => ({ state, ...STATE_MACHINE[state] })));
    expect(body.reasons.map(({ code }) => code)).toEqual(Object.keys(REASONS));
  });

  test('publishes every error code with status and fix, in both languages', async () => {
    const english = await stage.get<ErrorCatalogueView>('/v1/meta/errors', asAdministrator());
    const chinese = await stage.get<ErrorCatalogueView>('/v1/meta/errors', inChinese());
    for (const { body } of [english, chinese]) {
      expect(body.problems.map(({ code }) => code)).toEqual(Object.keys(PROBLEMS));
    }
    for (const { title, fix } of chinese.body.problems) expect(title + fix).toMatch(/[\u4e00-\u9fff]/);
    for (const { detail, fix } of chinese.body.fieldErrors) expect(detail + fix).toMatch(/[\u4e00-\u9fff]/);
  });
});
