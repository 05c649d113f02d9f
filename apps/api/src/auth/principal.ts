/** Who asks, as far as the API has established it. */

/** What a customer's key may be. */
export const CUSTOMER_ROLES = [
  'administrator',
  'project_admin',
  'project_user',
  'accountant',
  'auditor',
] as const;
export type CustomerRole = (typeof CUSTOMER_ROLES)[number];

/** A customer: sees one tenant, and where the key is limited to projects, only those. */
export interface CustomerPrincipal {
  readonly kind: 'customer';
  readonly keyId: string;
  readonly tenantId: string;
  readonly role: CustomerRole;
  /** The projects that the key is limited to; null: all of the tenant. */
  readonly projectIds: readonly string[] | null;
}

/** A platform operator: sees everything, through /admin only. */
export interface OperatorPrincipal {
  readonly kind: 'operator';
  readonly keyId: string;
}

export type Principal = CustomerPrincipal | OperatorPrincipal;

/** Whether a principal may see what belongs to a project. */
export function seesProject(principal: CustomerPrincipal, projectId: string): boolean {
  return principal.projectIds === null || principal.projectIds.includes(projectId);
}
