/** What customers send about deployments. */
import { CLOUD_IDS } from '#domain';

import { PageQuery } from '../http/page-query.js';
import { Id, List, Text, WholeNumber } from '../http/request-fields.js';
import { choiceCheck } from '../http/value-checks.js';

export class DeploymentListQuery extends PageQuery {
  @List({
    description: 'Only these clouds.',
    each: choiceCheck(CLOUD_IDS),
    values: CLOUD_IDS,
    max: CLOUD_IDS.length,
    example: ['aws'],
    required: false,
  })
  cloud?: (typeof CLOUD_IDS)[number][];
}

export class CidrSuggestionsQuery {
  @WholeNumber({
    description: 'Prefix length of the blocks.',
    min: 9,
    max: 28,
    example: 16,
    fallback: 16,
    required: false,
  })
  prefix?: number;

  @WholeNumber({
    description: 'How many to suggest at most.',
    min: 1,
    max: 50,
    example: 5,
    fallback: 5,
    required: false,
  })
  count?: number;
}

export class ResourceListQuery extends PageQuery {
  @Id({ description: 'Only what is bound to this connection.', prefix: 'peer', required: false })
  peeringId?: string;
}

export class BindResourceBody {
  @Id({ description: 'The connection that it needs; it must be running.', prefix: 'peer' })
  peeringId: string;

  @Text({
    description: 'What it is: `connector`, `action`, …',
    max: 40,
    example: 'connector',
    form: {
      pattern: /^[a-z][a-z0-9_-]*$/,
      expected: { en: 'a kind of resource', zh: '资源类型' },
      help: {
        en: 'Use lower-case letters, digits, dashes and underscores, a letter first.',
        zh: '请使用小写字母、数字、短横线和下划线，并以字母开头。',
      },
    },
  })
  kind: string;

  @Text({
    description: 'Its name, unique by kind within the deployment.',
    max: 200,
    example: 'orders-to-kafka',
  })
  name: string;
}
