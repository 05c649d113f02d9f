/** What operators send about deployments. */
import { SERVED_CLOUDS, type CloudId, type DriftPolicy } from '#domain';
import type { DeploymentStatus } from '#database';

import { PageQuery } from '../http/page-query.js';
import { Choice, Field, Id, List, Nested, Text } from '../http/request-fields.js';
import { choiceCheck, cidrCheck, idCheck, listCheck, textCheck, type Check } from '../http/value-checks.js';

const CIDRS = {
  description: 'Its blocks. The worker compares them with the cloud; `vpc.problem` says what differs.',
  each: cidrCheck,
  min: 1,
  max: 20,
  example: ['10.11.0.0/16'],
};

const tables = listCheck(textCheck({ max: 100, example: 'rtb-0a1b2c3d4e5f60718' }), {
  min: 1,
  max: 50,
  example: ['rtb-0a1b2c3d4e5f60718'],
});
const routeTablesCheck: Check = (value) => (value === null ? [] : tables(value));
const ROUTE_TABLES = {
  type: 'array',
  items: { type: 'string' },
  nullable: true,
  example: ['rtb-0a1b2c3d4e5f60718'],
} as const;
const ROUTE_TABLES_TEXT = 'The route tables to program; null or absent: every table of the VPC.';

export class VpcBody {
  @Text({
    description: 'The VPC, Net, … of the platform account.',
    max: 100,
    example: 'vpc-0a1b2c3d4e5f60718',
  })
  id: string;

  @List(CIDRS)
  cidrs: string[];

  @Field(routeTablesCheck, { description: ROUTE_TABLES_TEXT, required: false }, ROUTE_TABLES)
  routeTableIds?: string[] | null;
}

export class ChangeVpcBody {
  @List({ ...CIDRS, required: false })
  cidrs?: string[];

  @Field(routeTablesCheck, { description: ROUTE_TABLES_TEXT, required: false }, ROUTE_TABLES)
  routeTableIds?: string[] | null;
}

const NAME = { description: 'Its name.', max: 200, example: 'production' };
const EDITION = {
  description: 'The edition; peering needs `dedicated_professional`.',
  max: 40,
  example: 'dedicated_professional',
  form: {
    pattern: /^[a-z][a-z0-9_]*$/,
    expected: { en: 'the name of an edition', zh: '版本名称' },
    help: { en: 'Use lower-case letters, digits and underscores.', zh: '请使用小写字母、数字和下划线。' },
  },
};
const STATUS = {
  description: 'Whether it can be connected.',
  values: ['active', 'creating', 'stopped'] satisfies DeploymentStatus[],
  required: false,
};
const DRIFT = {
  description: 'What happens when a route of the platform is missing or leads nowhere; `repair` when absent.',
  values: ['repair', 'report', 'ask'] satisfies DriftPolicy[],
  required: false,
};

export class CreateDeploymentBody {
  @Id({ description: 'The tenant that it belongs to.', prefix: 'ten' })
  tenantId: string;

  @Id({ description: 'The project of that tenant.', prefix: 'prj' })
  projectId: string;

  @Text(NAME)
  name: string;

  @Choice({ description: 'Where it runs.', values: SERVED_CLOUDS })
  cloud: CloudId;

  @Text({
    description: 'The region.',
    max: 40,
    example: 'eu-central-1',
    form: {
      pattern: /^[a-z][a-z0-9-]*$/,
      expected: { en: 'a region', zh: '区域' },
      help: { en: 'Use the code of the cloud.', zh: '请使用云平台的区域代码。' },
    },
  })
  region: string;

  @Text(EDITION)
  edition: string;

  @Id({ description: 'The platform account that owns the VPC; of the same cloud.', prefix: 'acct' })
  platformAccountId: string;

  @Nested(VpcBody, {
    description: 'The network of the deployment.',
    example: { id: 'vpc-0a1b2c3d4e5f60718', cidrs: ['10.11.0.0/16'] },
  })
  vpc: VpcBody;

  @Choice(STATUS)
  status?: DeploymentStatus;

  @Choice(DRIFT)
  driftPolicy?: DriftPolicy;
}

export class ChangeDeploymentBody {
  @Text({ ...NAME, required: false })
  name?: string;

  @Text({ ...EDITION, required: false })
  edition?: string;

  @Choice(STATUS)
  status?: DeploymentStatus;

  @Choice(DRIFT)
  driftPolicy?: DriftPolicy;

  @Nested(ChangeVpcBody, {
    description: 'What has changed of the network.',
    example: { cidrs: ['10.11.0.0/16', '10.12.0.0/16'] },
    required: false,
  })
  vpc?: ChangeVpcBody;
}

export class DeploymentQuery extends PageQuery {
  @List({
    description: 'Only these tenants.',
    each: idCheck('ten'),
    max: 100,
    example: ['ten_01k9x7m3c8e9vt5w2r4q6y0zab'],
    required: false,
  })
  tenantId?: string[];

  @List({
    description: 'Only these clouds.',
    each: choiceCheck(SERVED_CLOUDS),
    values: SERVED_CLOUDS,
    max: SERVED_CLOUDS.length,
    example: ['aws'],
    required: false,
  })
  cloud?: CloudId[];
}
