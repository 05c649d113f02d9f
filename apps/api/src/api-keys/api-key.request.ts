/** What is sent about API keys. */
import { ROLES, type Role } from '#database';

import { CUSTOMER_ROLES, type CustomerRole } from '../auth/principal.js';
import { Choice, Id, List, Text, Time } from '../http/request-fields.js';
import { exampleId, idCheck } from '../http/value-checks.js';

const DISPLAY_NAME = {
  description: 'What it is for.',
  min: 0,
  max: 100,
  example: 'terraform',
  required: false,
};

const PROJECTS = {
  description:
    'The projects that a project role is limited to; for project roles only, which need at least one.',
  each: idCheck('prj'),
  max: 100,
  example: [exampleId('prj')],
  required: false,
};

const EXPIRY = { description: 'When it stops to work; absent: never.', required: false };

export class CreateApiKeyBody {
  @Choice({ description: 'What it may do.', values: CUSTOMER_ROLES })
  role: CustomerRole;

  @List(PROJECTS)
  projectIds?: string[];

  @Text(DISPLAY_NAME)
  displayName?: string;

  @Time(EXPIRY)
  expiresAt?: string;
}

export class CreateAnyApiKeyBody {
  @Id({
    description: 'The tenant that it belongs to; absent for `operator` only.',
    prefix: 'ten',
    required: false,
  })
  tenantId?: string;

  @Choice({
    description: 'What it may do.',
    values: ['administrator', ...ROLES.filter((role) => role !== 'administrator')],
  })
  role: Role;

  @List(PROJECTS)
  projectIds?: string[];

  @Text(DISPLAY_NAME)
  displayName?: string;

  @Time(EXPIRY)
  expiresAt?: string;
}

export class ChangeApiKeyBody {
  @Text(DISPLAY_NAME)
  displayName?: string;

  @Time({ description: 'When it stops to work.', required: false })
  expiresAt?: string;
}
