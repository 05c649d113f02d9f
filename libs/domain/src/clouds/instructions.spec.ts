/** What holds for everything that the customers of any served cloud are told, in both languages. */
import { describe, expect, it } from '@jest/globals';
import { requestOf, sampleNetwork, sampleSpec } from '../../../../test/support/cloud-samples.js';
import type { CloudInstructions, InstructionContext, NextAction } from '../cloud-profile.js';
import type { CloudId } from '../cloud-port.js';
import type { CloudSpec } from '../cloud-spec.js';
import { PLACEHOLDERS, placeholdersIn, withPlaceholdersExplained } from '../placeholders.js';
import type { Locale } from '../reason.js';
import { profileOf, SERVED_CLOUDS } from './profiles.js';

const CHINESE = /[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]/;
/** What a value that is not there leaves in a text. */
const HOLE = /undefined|null|NaN|\[object|\$\{|\{\w*\}/;
const CODES: Readonly<Record<keyof CloudInstructions, NextAction['code']>> = {
  createRequest: 'create_peering_request',
  addRoute: 'add_route',
  allowTraffic: 'allow_traffic',
  approve: 'approve_ccn_attachment',
};
const KINDS = Object.keys(CODES) as (keyof CloudInstructions)[];

/** Numbers, ids, CIDRs, names of permissions and fields, options: what no language translates. */
const UNTRANSLATED = /<[a-z-]+>|\d+(?:\.\d+)*(?:\/\d+)?|--[a-z-]+|\b\w+:[A-Z]\w+|\b\w+:\w+:\w+/g;

/** What Huawei Cloud's policies call its operations; null where everybody may. */
const HUAWEI_PERMISSIONS: Readonly<Record<string, string | null>> = {
  CreateVpcPeering: 'vpc:peerings:create',
  'ShowVpc/v3': 'vpc:vpcs:get',
  GetCallerIdentity: null,
  UpdateRouteTable: 'vpc:routeTables:update',
  'CreateSecurityGroupRule/v3': 'vpc:securityGroupRules:create',
};

/** The permission that a call of a cloud's command line tool needs, as policies of the cloud name it; null for none. */
const PERMISSION: Readonly<Record<CloudId, (service: string, operation: string) => string | null>> = {
  aws: (service, operation) =>
    `${service}:${operation.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase())}`,
  // RAM counts what VpcPeer does as VPC's.
  alibaba: (service, operation) => `${service.replace('vpcpeer', 'vpc')}:${operation}`,
  huawei: (_, operation) => HUAWEI_PERMISSIONS[operation]!,
  tencent: (service, operation) => `${service}:${operation}`,
  outscale: (service, operation) => `${service}:${operation}`,
};

/** Service and operation of each call that a command line text makes. */
function callsIn(cli = ''): [string, string][] {
  const calls = cli.replaceAll('\\\n', '').split('\n');
  return calls.map((call) => call.split(/ +/).slice(1, 3) as [string, string]);
}

/** What stands within quotes, as a shell reads them. */
const quoted = (cli = ''): string[] => cli.match(/'[^']*'|"[^"]*"/g) ?? [];

/** The blocks that a Terraform text begins, such as `resource "aws_route" "platform"`. */
const blocksIn = (terraform = ''): string[] => terraform.match(/^\w+ .*(?= \{)/gm) ?? [];

const inOrder = (values: Iterable<string>): string[] => [...new Set(values)].sort();
const untranslated = (text: string): string[] => inOrder(text.match(UNTRANSLATED) ?? []);
const withoutComments = (text = ''): string => text.replace(/^\s*#.*\n?/gm, '');

describe.each(SERVED_CLOUDS)('what customers of %s are told', (cloud) => {
  const profile = profileOf(cloud);
  const { capabilities, instructions, fields, cidrsRequired } = profile;
  const network = sampleNetwork(cloud);
  const complete = sampleSpec(cloud);
  const { providerId } = requestOf(complete, network);
  const known = { network, spec: complete, providerId, customerCidrs: ['172.16.0.0/16'] };
  const nothingKnown = {
    network,
    spec: { kind: cloud } as CloudSpec,
    providerId: null,
    customerCidrs: [],
  };
  const situations: [string, Omit<InstructionContext, 'locale'>][] = [
    ['all is known', known],
    ['the connection is unknown', { ...known, providerId: null }],
    ['nothing is known', nothingKnown],
    ['the platform has one block', { ...known, network: { ...network, cidrs: ['10.11.0.0/16'] } }],
  ];

  function told(situation: Omit<InstructionContext, 'locale'>, locale: Locale): NextAction[] {
    return KINDS.map((kind) => instructions[kind]({ ...situation, locale })).filter(
      (action) => action !== null,
    );
  }

  const texts = ({ artifacts: { cli = '', terraform = '' } }: NextAction): string => `${cli}\n${terraform}`;

  it('is what this cloud needs', () => {
    const actions = KINDS.map((kind) => instructions[kind]({ ...known, locale: 'en' }));
    expect(actions.map((action) => action?.code ?? null)).toEqual(
      KINDS.map((kind) => (kind === 'approve' && capabilities.initiator === 'customer' ? null : CODES[kind])),
    );
    for (const action of actions.filter((each) => each !== null)) {
      expect(action.actor).toBe('customer');
      expect(Object.keys(action.artifacts).sort()).toEqual(['cli', 'console', 'terraform']);
      const { protocol, host } = new URL(action.artifacts.console!);
      expect([protocol, host.includes('.')]).toEqual(['https:', true]);
    }
  });

  it('names everything of the platform that they have to type or to choose', () => {
    const created = instructions.createRequest({ ...known, locale: 'en' });
    const wanted = [network.accountId, network.vpcId, network.region];
    for (const value of wanted) expect(created.steps.join('\n')).toContain(value);
    const asked = capabilities.initiator === 'platform' ? 'approve' : 'createRequest';
    const { cli = '', terraform = '' } = instructions[asked]({ ...known, locale: 'en' })!.artifacts;
    for (const text of [cli, terraform]) expect(text).toContain(network.vpcId);
    for (const kind of ['addRoute', 'allowTraffic'] as const) {
      const action = instructions[kind]({ ...known, locale: 'en' })!;
      for (const cidr of network.cidrs) expect(action.steps.join('\n')).toContain(cidr);
    }
    const route = instructions.addRoute({ ...known, locale: 'en' })!;
    expect([...route.steps, texts(route)].join('\n')).toContain(providerId);
    const traffic = instructions.allowTraffic({ ...known, locale: 'en' })!;
    for (const cidr of network.cidrs) {
      expect(traffic.artifacts.cli).toContain(cidr);
      expect(traffic.artifacts.terraform).toContain(cidr);
    }
  });

  it('says how Terraform asks once more, since it does not by itself', () => {
    const asked = capabilities.initiator === 'platform' ? 'approve' : 'createRequest';
    for (const locale of ['en', 'zh'] as const) {
      const { terraform = '' } = instructions[asked]({ ...known, locale })!.artifacts;
      const [, type, name] = /^# .*-replace=(\w+)\.(\w+)$/m.exec(terraform) ?? [];
      expect(blocksIn(terraform)).toContain(`resource "${String(type)}" "${String(name)}"`);
    }
  });

  it('is the same Terraform for any number of blocks', () => {
    const fewer = { ...known, network: { ...network, cidrs: network.cidrs.slice(1) } };
    for (const kind of KINDS) {
      const [more, less] = [known, fewer].map(
        (context) => instructions[kind]({ ...context, locale: 'en' })?.artifacts.terraform,
      );
      expect(blocksIn(less)).toEqual(blocksIn(more));
      expect(blocksIn(more).length > 0).toBe(more !== undefined);
    }
  });

  describe.each(situations)('when %s', (_, situation) => {
    it('prints what the customer has to give, by the names of the fields', () => {
      const { artifacts } = instructions.createRequest({ ...situation, locale: 'en' });
      const names = fields.filter(({ required }) => required).map(({ name }) => name);
      for (const name of [...names, ...(cidrsRequired ? ['cidrs'] : [])]) {
        expect(artifacts.cli).toMatch(new RegExp(`[{,] ?${name}:`));
        expect(artifacts.terraform).toMatch(new RegExp(`^    ${name} += |^output "${name}" `, 'm'));
      }
    });

    it('makes nothing that the customer has named already', () => {
      const made = profile.declaredProviderId(situation.spec);
      if (capabilities.initiator === 'customer' || made === null) return;
      const request = instructions.createRequest({ ...situation, locale: 'en' });
      expect(texts(request)).toContain(made);
      expect(texts(request)).not.toMatch(/\bCreate|^resource /m);
    });

    it('names the blocks that the network of the customer must not overlap', () => {
      const { steps } = instructions.createRequest({ ...situation, locale: 'en' });
      for (const cidr of situation.network.cidrs) expect(steps.join('\n')).toContain(cidr);
    });

    it('names the permissions that its commands need', () => {
      for (const { steps, artifacts } of told(situation, 'en')) {
        const needed = callsIn(artifacts.cli).map(([service, operation]) =>
          PERMISSION[cloud](service, operation),
        );
        expect(needed).not.toContain(undefined);
        for (const permission of needed.filter((each) => each !== null)) {
          expect(steps.join('\n')).toMatch(new RegExp(`(?<=permissions? .*|right to .*)\\b${permission}\\b`));
        }
      }
    });

    it('has placeholders where they are seen: not in steps, and in commands outside of quotes', () => {
      for (const locale of ['en', 'zh'] as const) {
        for (const { steps, artifacts } of told(situation, locale)) {
          expect(placeholdersIn(steps.join('\n'))).toEqual([]);
          expect(quoted(artifacts.cli).flatMap(placeholdersIn)).toEqual([]);
          // Providers take the ends of a range of ports as numbers.
          expect(artifacts.terraform).not.toMatch(/\b(?:from|to)_port(?:_range)? += "/);
        }
      }
    });

    it.each(['en', 'zh'] as const)('has no holes, and is in its language: %s', (locale) => {
      for (const action of told(situation, locale)) {
        expect(action.steps.length).toBeGreaterThan(0);
        for (const text of [action.title, ...action.steps]) {
          expect(text).toBe(text.trim());
          expect(text).not.toBe('');
          expect(text).not.toMatch(HOLE);
          expect({ text, chinese: CHINESE.test(text) }).toEqual({ text, chinese: locale === 'zh' });
        }
        for (const text of Object.values(action.artifacts)) {
          expect(text).toBe(text.trim());
          expect(text).not.toMatch(/undefined|null|NaN|\[object|\$\{/);
          expect(text).not.toMatch(/[ \t]$/m);
          expect(withoutComments(text)).not.toMatch(CHINESE);
        }
      }
    });

    it('says the same in both languages', () => {
      const english = told(situation, 'en');
      const chinese = told(situation, 'zh');
      expect(chinese.map(({ code }) => code)).toEqual(english.map(({ code }) => code));
      const values = [
        ...Object.values(situation.spec),
        ...[situation.network.accountId, situation.network.vpcId, situation.network.region],
        ...situation.network.cidrs,
        ...(situation.providerId === null ? [] : [situation.providerId]),
      ].filter((value) => value !== cloud);
      const held = (text: string): string[] => [
        ...inOrder(values.filter((value) => text.includes(value))),
        ...untranslated(text),
      ];
      english.forEach((action, at) => {
        const other = chinese[at]!;
        expect(other.steps.map(held)).toEqual(action.steps.map(held));
        expect(other.artifacts.cli).toBe(action.artifacts.cli);
        expect(withoutComments(other.artifacts.terraform)).toBe(withoutComments(action.artifacts.terraform));
      });
    });

    it('leaves open only what nobody but the customer knows, and says what belongs there', () => {
      const declared = Object.values(situation.spec);
      const knows = (prefix: string): boolean => declared.some((value) => value.startsWith(prefix));
      const answered = [
        ...(situation.spec['vpcId'] !== undefined || knows('vpc-') ? ['<your-vpc-id>', '<your-net-id>'] : []),
        ...(knows('ccn-') ? ['<your-ccn-id>'] : []),
      ];
      for (const action of told(situation, 'en')) {
        const open = placeholdersIn(texts(action));
        // The VPCs that somebody puts into their own CCN are not the one that they connect.
        const theirs = cloud === 'tencent' ? answered.filter((each) => each !== '<your-vpc-id>') : answered;
        expect(open.filter((placeholder) => theirs.includes(placeholder))).toEqual([]);
        expect(open.filter((placeholder) => !Object.hasOwn(PLACEHOLDERS, placeholder))).toEqual([]);
        expect(texts(action)).not.toMatch(/<[^>\n]*[^a-z0-9<>=-][^>\n]*>/);
        for (const locale of ['en', 'zh'] as const) {
          const { steps } = withPlaceholdersExplained(action, locale);
          expect(placeholdersIn(steps.at(-1)!)).toEqual(expect.arrayContaining(open));
          expect(CHINESE.test(steps.at(-1)!)).toBe(locale === 'zh' && open.length > 0);
        }
      }
    });
  });
});
