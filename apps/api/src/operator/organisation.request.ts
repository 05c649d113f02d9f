/** What operators send about tenants and projects. */
import { PageQuery } from '../http/page-query.js';
import { Id, Text } from '../http/request-fields.js';

const TENANT_NAME = { description: 'The name of the customer.', max: 200, example: 'Example Ltd' };
const PROJECT_NAME = { description: 'Its name, unique within the tenant.', max: 200, example: 'production' };

export class TenantBody {
  @Text(TENANT_NAME)
  name: string;
}

export class CreateProjectBody {
  @Id({ description: 'The tenant that it belongs to.', prefix: 'ten' })
  tenantId: string;

  @Text(PROJECT_NAME)
  name: string;
}

export class ChangeProjectBody {
  @Text(PROJECT_NAME)
  name: string;
}

/** A list that can be limited to one tenant. */
export class TenantPageQuery extends PageQuery {
  @Id({ description: 'Only what belongs to this tenant.', prefix: 'ten', required: false })
  tenantId?: string;
}
