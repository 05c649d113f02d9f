/** What operators send about the platform's own accounts. Nothing here ever repeats a credential in a message. */
import type { ApiPropertyOptions } from '@nestjs/swagger';

import { CLOUD_IDS, profileOf, type CloudCredentials, type CloudId } from '#domain';

import { pointerStep, type FieldIssue } from '../http/field-issues.js';
import { PageQuery } from '../http/page-query.js';
import { Choice, Field, Text } from '../http/request-fields.js';
import {
  choiceCheck,
  isPlainObject,
  shown,
  textCheck,
  wholeNumberCheck,
  wrongType,
  type Check,
} from '../http/value-checks.js';

const word = (example: string, max: number): Check => textCheck({ max, example });

/** The fields of each kind of credentials: what is checked, and whether it may be left out. */
const CREDENTIAL_FIELDS: Readonly<
  Record<
    CloudCredentials['kind'],
    Readonly<Record<string, { readonly check: Check; readonly optional?: true }>>
  >
> = {
  static: {
    accessKeyId: { check: word('AKIA…', 200) },
    secretAccessKey: { check: word('…', 500) },
    sessionToken: { check: word('…', 4000), optional: true },
  },
  assume_role: {
    accessKeyId: { check: word('AKIA…', 200) },
    secretAccessKey: { check: word('…', 500) },
    roleArn: { check: word('arn:aws:iam::123456789012:role/broker', 500) },
    externalId: { check: word('3f8b9c1e', 1224), optional: true },
    sessionName: { check: word('peering-broker', 64), optional: true },
    durationSeconds: { check: wholeNumberCheck(900, 43_200, 3600), optional: true },
  },
};

/** Credentials of a known kind with exactly its fields. */
export const credentialsCheck: Check = (value) => {
  if (!isPlainObject(value))
    return wrongType(value, 'object', '{"kind":"static","accessKeyId":"…","secretAccessKey":"…"}');
  const { kind } = value;
  const kinds = Object.keys(CREDENTIAL_FIELDS);
  if (typeof kind !== 'string' || !Object.hasOwn(CREDENTIAL_FIELDS, kind)) {
    return choiceCheck(kinds)(kind).map((issue) => ({ ...issue, pointer: '/kind' }));
  }
  const fields = CREDENTIAL_FIELDS[kind as CloudCredentials['kind']];
  const issues: FieldIssue[] = [];
  for (const name of Object.keys(value)) {
    if (name === 'kind' || Object.hasOwn(fields, name)) continue;
    const known = ['kind', ...Object.keys(fields)].join(', ');
    issues.push({ pointer: pointerStep(name), code: 'unknown_field', params: { known } });
  }
  for (const [name, { check, optional }] of Object.entries(fields)) {
    if (value[name] === undefined) {
      const params = { expected: name, example: '"…"' };
      if (!optional) issues.push({ pointer: pointerStep(name), code: 'required', params });
    } else {
      issues.push(...check(value[name]).map((issue) => ({ ...issue, pointer: pointerStep(name) })));
    }
  }
  return issues;
};

const SERVICE = /^[a-z][a-z0-9_-]{0,39}$/;

/** Endpoints by service, each an http(s) URL. */
export const endpointsCheck: Check = (value) => {
  const example = 'http://127.0.0.1:4001';
  if (!isPlainObject(value)) return wrongType(value, 'object', JSON.stringify({ ec2: example }));
  return Object.entries(value).flatMap(([service, url]): FieldIssue[] => {
    const pointer = pointerStep(service);
    if (SERVICE.test(service) && typeof url === 'string' && isHttpUrl(url)) return [];
    const params = {
      given: typeof url === 'string' ? `${service}: ${url.slice(0, 80)}` : service,
      expected: { en: 'a service with an http(s) URL', zh: '服务名与 http(s) URL' },
      help: { en: 'Give the URL without user or password.', zh: '请填写不含用户名和密码的 URL。' },
      example,
    };
    return [{ pointer, code: 'bad_format', params }];
  });
};

function isHttpUrl(text: string): boolean {
  if (!URL.canParse(text) || text.length > 500) return false;
  const { protocol, username, password } = new URL(text);
  return (protocol === 'http:' || protocol === 'https:') && username === '' && password === '';
}

const CREDENTIALS = {
  oneOf: Object.entries(CREDENTIAL_FIELDS).map(([kind, fields]) => ({
    type: 'object',
    title: kind,
    additionalProperties: false,
    required: ['kind', ...Object.keys(fields).filter((name) => fields[name]?.optional !== true)],
    properties: {
      kind: { type: 'string', const: kind },
      ...Object.fromEntries(
        Object.keys(fields).map((name) => [
          name,
          name === 'durationSeconds'
            ? { type: 'integer', minimum: 900, maximum: 43_200 }
            : { type: 'string' },
        ]),
      ),
    },
  })),
  example: { kind: 'static', accessKeyId: 'AKIA…', secretAccessKey: '…' },
} as unknown as ApiPropertyOptions;

const CREDENTIALS_TEXT = 'How the platform proves who it is. Stored encrypted, never shown again.';
const ENDPOINTS = {
  type: 'object',
  additionalProperties: { type: 'string' },
  example: { ec2: 'http://127.0.0.1:4001' },
} as const;
const ENDPOINTS_TEXT = 'Endpoints in place of the cloud’s own, by service.';
const DISPLAY_NAME = {
  description: 'A name for people.',
  min: 0,
  max: 200,
  example: 'Production EU',
  required: false,
};

const ACCOUNT_ID_TEXT =
  "The platform's account there, by what customers type for the other side: the account ID on AWS and OUTSCALE, the UID " +
  'on Alibaba Cloud, the UIN on Tencent Cloud, and on Huawei Cloud the ID of the *project* that the VPCs are in ' +
  '(customers type it as peer project ID): one account for each region.';

/** What is wrong with an account's number, which has a form of its own in each cloud. */
export function accountIdIssues(cloud: CloudId, accountId: string): FieldIssue[] {
  const { pattern, example, title, help } = profileOf(cloud).platformAccount;
  if (new RegExp(pattern, 'u').test(accountId)) return [];
  const params = { given: shown(accountId), expected: title, help, example };
  return [{ pointer: '/accountId', code: 'bad_format', params }];
}

export class CreatePlatformAccountBody {
  @Choice({ description: 'The cloud.', values: CLOUD_IDS })
  cloud: CloudId;

  @Text({ description: ACCOUNT_ID_TEXT, max: 100, example: '123456789012' })
  accountId: string;

  @Text(DISPLAY_NAME)
  displayName?: string;

  @Field(credentialsCheck, { description: CREDENTIALS_TEXT }, CREDENTIALS)
  credentials: CloudCredentials;

  @Field(endpointsCheck, { description: ENDPOINTS_TEXT, required: false }, ENDPOINTS)
  endpoints?: Readonly<Record<string, string>>;
}

export class ChangePlatformAccountBody {
  @Text(DISPLAY_NAME)
  displayName?: string;

  @Field(
    credentialsCheck,
    { description: `${CREDENTIALS_TEXT} New ones make a refused account active again.`, required: false },
    CREDENTIALS,
  )
  credentials?: CloudCredentials;

  @Field(endpointsCheck, { description: `${ENDPOINTS_TEXT} Replaces them all.`, required: false }, ENDPOINTS)
  endpoints?: Readonly<Record<string, string>>;
}

export class PlatformAccountQuery extends PageQuery {
  @Choice({ description: 'Only this cloud.', values: CLOUD_IDS, required: false })
  cloud?: CloudId;
}
