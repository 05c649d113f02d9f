/** What customers send about connections. */
import type { ApiPropertyOptions } from '@nestjs/swagger';

import { CLOUD_IDS, PEERING_STATES, profileOf } from '#domain';

import { PageQuery } from '../http/page-query.js';
import { Field, Flag, List, Nested, Text } from '../http/request-fields.js';
import { choiceCheck, cidrCheck, idCheck, textCheck } from '../http/value-checks.js';
import { cloudSchemas, exampleCloudSpec, MAX_CIDRS } from './cloud-spec-schema.js';
import { cloudSpecCheck } from './declared-spec.js';

const EXAMPLE_SPEC = { cloud: exampleCloudSpec(profileOf('aws')), cidrs: ['172.16.0.0/16'] };

const DISPLAY_NAME = {
  description: 'Your name for the connection.',
  max: 100,
  min: 0,
  example: 'prod',
  required: false,
};

/** Documented per cloud, checked against the cloud of the deployment. */
const cloudDocument = (extent: 'draft' | 'change'): ApiPropertyOptions =>
  ({
    type: 'object',
    anyOf: cloudSchemas(extent),
    example: EXAMPLE_SPEC.cloud,
  }) as unknown as ApiPropertyOptions;

export class SpecRequestBody {
  @Field(
    cloudSpecCheck,
    {
      description:
        'Your side, by cloud: GET …/peering-offer says what to give and where to find it. A draft may lack all but `kind`.',
    },
    cloudDocument('draft'),
  )
  cloud: Readonly<Record<string, unknown>>;

  @List({
    description:
      'The IPv4 blocks of your VPC, where the cloud does not report them or you want them kept free now.',
    each: cidrCheck,
    max: MAX_CIDRS,
    example: EXAMPLE_SPEC.cidrs,
    required: false,
  })
  cidrs?: string[];
}

export class CreatePeeringBody {
  @Text(DISPLAY_NAME)
  displayName?: string;

  @Nested(SpecRequestBody, { description: 'What is wanted.', example: EXAMPLE_SPEC })
  spec: SpecRequestBody;
}

export class SpecChangeBody {
  @Field(
    cloudSpecCheck,
    {
      description: 'Fields that are given replace what was declared, null takes one back, the others stay.',
      required: false,
    },
    cloudDocument('change'),
  )
  cloud?: Readonly<Record<string, unknown>>;

  @List({
    description: 'Replaces the declared blocks.',
    each: cidrCheck,
    max: MAX_CIDRS,
    example: EXAMPLE_SPEC.cidrs,
    required: false,
  })
  cidrs?: string[];
}

export class ChangePeeringBody {
  @Text(DISPLAY_NAME)
  displayName?: string;

  @Nested(SpecChangeBody, {
    description:
      'Completes a draft, or corrects a connection that has ended without success and starts another attempt.',
    example: { cloud: { connectionId: 'pcx-0a1b2c3d4e5f60718' } },
    required: false,
  })
  spec?: SpecChangeBody;
}

export class PeeringListQuery extends PageQuery {
  @List({
    description: 'Only these states.',
    each: choiceCheck(PEERING_STATES),
    values: PEERING_STATES,
    max: PEERING_STATES.length,
    example: ['running', 'degraded'],
    required: false,
  })
  state?: string[];

  @List({
    description: 'Only these clouds.',
    each: choiceCheck(CLOUD_IDS),
    values: CLOUD_IDS,
    max: CLOUD_IDS.length,
    example: ['aws'],
    required: false,
  })
  cloud?: string[];
}

export class PeeringsAcrossQuery extends PeeringListQuery {
  @List({
    description: 'Only these deployments.',
    each: idCheck('dep'),
    max: 100,
    example: ['dep_01k9x7m3c8e9vt5w2r4q6y0zab'],
    required: false,
  })
  deployment?: string[];
}

/** Longest long poll, in seconds. */
export const MAX_WAIT_SECONDS = 60;

export class PeeringReadQuery {
  @List({
    description: 'Answer when the connection is in one of these states, or when `timeout` has passed.',
    each: choiceCheck(PEERING_STATES),
    values: PEERING_STATES,
    max: PEERING_STATES.length,
    example: ['running', 'failed'],
    required: false,
  })
  wait?: string[];

  @Field(
    textCheck({
      max: 10,
      example: '30s',
      form: {
        pattern: /^(?:[1-9]|[1-5]\d|60)s?$/,
        expected: {
          en: `a time of 1s to ${String(MAX_WAIT_SECONDS)}s`,
          zh: `1s 至 ${String(MAX_WAIT_SECONDS)}s 的时长`,
        },
        help: { en: 'Give whole seconds.', zh: '请填写整数秒。' },
      },
    }),
    { description: 'How long to wait at most, in seconds; for `wait` only.', required: false },
    { type: 'string', default: '30s', example: '30s' },
  )
  timeout?: string;
}

export class DeletePeeringQuery {
  @Flag({
    description: 'Delete although data-integration resources are bound; they are unbound.',
    fallback: false,
    required: false,
  })
  force?: boolean;

  @Text({
    description: 'For `force`: the display name or the id of the connection.',
    max: 200,
    example: 'prod',
    required: false,
  })
  confirm?: string;
}
