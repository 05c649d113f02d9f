/** Who may use a route, said on the route. */
import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiBasicAuth, ApiBearerAuth } from '@nestjs/swagger';

import { CUSTOMER_ROLES, type CustomerRole } from './principal.js';

/** Who may use a route: nobody needs to say who they are, an operator, or a customer with one of these roles. */
export type Access =
  | { readonly kind: 'anybody' }
  | { readonly kind: 'operator' }
  | { readonly kind: 'customer'; readonly roles: readonly CustomerRole[] };

export const ACCESS = Symbol('access');

/** Everybody with a key of the tenant. */
export const READERS = CUSTOMER_ROLES;
/** Those who may make, change and end connections. */
export const WRITERS = [
  'administrator',
  'project_admin',
  'project_user',
] as const satisfies readonly CustomerRole[];
/** Those who manage the tenant itself. */
export const ADMINISTRATORS = ['administrator'] as const satisfies readonly CustomerRole[];
/** Those who may read what others did. */
export const AUDITORS = ['administrator', 'auditor'] as const satisfies readonly CustomerRole[];

/** A route for customers with one of these roles. */
export function Allow(roles: readonly CustomerRole[]): MethodDecorator {
  return applyDecorators(
    SetMetadata(ACCESS, { kind: 'customer', roles } satisfies Access),
    ApiBasicAuth('basic'),
    ApiBearerAuth('bearer'),
  );
}

/** A controller for operators. */
export function OperatorsOnly(): ClassDecorator {
  return applyDecorators(
    SetMetadata(ACCESS, { kind: 'operator' } satisfies Access),
    ApiBasicAuth('basic'),
    ApiBearerAuth('bearer'),
  );
}

/** A controller that needs no key. */
export function Anybody(): ClassDecorator {
  return SetMetadata(ACCESS, { kind: 'anybody' } satisfies Access);
}
