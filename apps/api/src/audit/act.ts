/** A deed: who does it, in which transaction, on which request, and when. Every deed is audited in its transaction. */
import { auditEvents, type OperatorScope, type TenantScope } from '#database';

import type { CustomerPrincipal, OperatorPrincipal } from '../auth/principal.js';

/** What a customer does. */
export interface TenantAct {
  readonly scope: TenantScope;
  readonly caller: CustomerPrincipal;
  readonly requestId: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** What an operator does. */
export interface OperatorAct {
  readonly scope: OperatorScope;
  readonly caller: OperatorPrincipal;
  readonly requestId: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** What was done to what. `data` is shown to the tenant and never holds a secret. */
export interface AuditEntry {
  /** `peering.delete`, `api_key.create`, … */
  readonly action: string;
  /** The id of what was acted on. */
  readonly target: string;
  readonly data?: Readonly<Record<string, unknown>>;
  /** For operators: the tenant whose matter it is; none where it concerns nobody in particular. */
  readonly tenantId?: string | null;
}

/** Writes down that it was done. */
export function audit(
  act: TenantAct | OperatorAct,
  { action, target, data, tenantId }: AuditEntry,
): Promise<void> {
  const { scope, caller, requestId, at } = act;
  return auditEvents.append(
    scope,
    {
      tenantId: caller.kind === 'customer' ? caller.tenantId : (tenantId ?? null),
      actorKeyId: caller.keyId,
      action,
      target,
      outcome: 'accepted',
      requestId,
      ...(data === undefined ? {} : { data }),
    },
    at,
  );
}
