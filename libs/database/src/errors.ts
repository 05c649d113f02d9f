/** What the database refuses, as types: read from the names of the constraints that refused it. */
import type { AddressConflict } from '#domain';

/** Base of every refusal of this library; anything else that is thrown is a defect. */
export abstract class DatabaseError extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** An address block is held by somebody else around the deployment, or lies in a reserved range. */
export class ClaimConflict extends DatabaseError {
  /**
   * @param conflicts what each refused block touches and who holds that; empty when the holder let go in the meantime,
   *   and the same request may succeed
   */
  constructor(
    readonly deploymentId: string,
    readonly conflicts: readonly AddressConflict[],
    options?: { readonly cause?: unknown },
  ) {
    const [first] = conflicts;
    super(
      first
        ? `${first.cidr} touches ${first.with} (${first.connectionId ?? first.kind}) at ${deploymentId}`
        : `an address block at ${deploymentId} was held by somebody else for a moment`,
      options,
    );
  }
}

/** Another live connection joins the same two networks, or carries the same provider id. */
export class PairTaken extends DatabaseError {
  /** @param connectionId the other connection; null when it ended in the meantime */
  constructor(
    readonly deploymentId: string,
    readonly connectionId: string | null,
    options?: { readonly cause?: unknown },
  ) {
    super(`${connectionId ?? 'another connection'} of ${deploymentId} joins the same two networks`, options);
  }
}

/** The cloud allows one live connection per platform network, and there is one. */
export class NetworkTaken extends DatabaseError {
  /** @param connectionId the one; null when it ended in the meantime */
  constructor(
    readonly deploymentId: string,
    readonly connectionId: string | null,
    options?: { readonly cause?: unknown },
  ) {
    super(`${connectionId ?? 'another connection'} already takes the only place at ${deploymentId}`, options);
  }
}

/** The row has changed since it was read, or is gone. */
export class Stale extends DatabaseError {
  constructor(readonly id: string) {
    super(`${id} has changed since it was read`);
  }
}

/** There is one already: a name in its project, a VPC of an account, an account of a cloud, … */
export class Duplicate extends DatabaseError {
  /** @param constraint the unique constraint, for example `projects_tenant_id_name_key` */
  constructor(
    readonly constraint: string,
    options?: { readonly cause?: unknown },
  ) {
    super(`there is one already (${constraint})`, options);
  }
}

/** What a row names does not exist (or not for this tenant). */
export class MissingReference extends DatabaseError {
  /** @param constraint the foreign key, for example `deployments_platform_account_id_fkey` */
  constructor(
    readonly constraint: string,
    options?: { readonly cause?: unknown },
  ) {
    super(`what the row refers to does not exist (${constraint})`, options);
  }
}

/** A row cannot be deleted while others need it. */
export class InUse extends DatabaseError {
  /** @param users who needs it, at most 20 of them; empty when one came up at the last moment */
  constructor(
    readonly id: string,
    readonly users: readonly { readonly kind: string; readonly id: string }[],
    options?: { readonly cause?: unknown },
  ) {
    super(`${id} is still in use by ${users.map((user) => user.id).join(', ') || 'something'}`, options);
  }
}

/** A cursor that this list did not give out, or gave out for other filters. */
export class InvalidCursor extends DatabaseError {
  constructor() {
    super('the cursor does not belong to this list and these filters');
  }
}

/** PostgreSQL cannot be reached, is starting, stopping or full; nothing is known of a commit that was under way. */
export class DatabaseUnavailable extends DatabaseError {
  constructor(detail: string, options?: { readonly cause?: unknown }) {
    super(`PostgreSQL cannot answer right now: ${detail}`, options);
  }
}
