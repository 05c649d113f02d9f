/**
 * What customers and operators ask of the API, as transactions on the {@link MemoryDatabase}: the conditions of
 * apps/api/src/peerings/peering-writes.ts with the rules of libs/domain. Each answers whether it was acknowledged.
 */
import {
  findConflicts,
  hasWork,
  mayComplete,
  mayDeclare,
  mayRetry,
  profileOf,
  startAttempt,
  startDeletion,
  type AddressPlan,
  type CloudSpec,
  type DeclaredSpec,
  type PlatformNetwork,
} from '#domain';
import type { NewEvent, PeeringRecord } from '#database';

import { blockOf, ConstraintRefused, RESERVED, type MemoryDatabase } from './memory-database.js';
import type { SimulatedQueue } from './simulated-queue.js';

/** What was acknowledged last of a connection: it must not get lost. */
export interface Acknowledged {
  readonly desired: PeeringRecord['desired'];
  readonly spec: DeclaredSpec;
  readonly lockedNote: string | null;
  /** When the latest attempt was asked for, in epoch milliseconds. */
  readonly attemptAt: number;
  /** When the latest lock was put on, in epoch milliseconds. */
  readonly lockedAt: number;
}

export class SimulatedApi {
  readonly acknowledged = new Map<string, Acknowledged>();

  constructor(
    private readonly database: MemoryDatabase,
    private readonly queue: SimulatedQueue,
    private readonly now: () => number,
    private readonly isAway: () => boolean,
    private readonly trace: (line: () => string) => void,
  ) {}

  create(id: string, network: PlatformNetwork, spec: DeclaredSpec): boolean {
    return this.#write(`create ${id} ${JSON.stringify(spec)}`, () => {
      if (this.database.connections.has(id)) return null;
      const at = this.now();
      const { cloud, deploymentId, region } = network;
      const profile = profileOf(cloud);
      if (findConflicts(spec.cidrs.map(blockOf), this.#planFor(deploymentId, id)).length > 0) return null;
      const status = startAttempt(profile, spec, at);
      const record: PeeringRecord = {
        id,
        tenantId: 'ten_1',
        projectId: 'prj_1',
        deploymentId,
        cloud,
        region,
        displayName: '',
        desired: 'present',
        spec,
        locked: false,
        lockedNote: null,
        status,
        dueAt: hasWork(status) ? at : null,
        lastObservedAt: null,
        version: 1,
        createdAt: at,
        updatedAt: at,
        deletedAt: null,
        network,
      };
      this.database.insert(record, [event('peering.created', { state: status.state, spec })]);
      this.acknowledged.set(id, {
        desired: 'present',
        spec,
        lockedNote: null,
        attemptAt: at,
        lockedAt: -Infinity,
      });
      return record;
    });
  }

  /** Declares something else, as far as given. */
  patch(id: string, cloud: CloudSpec, cidrs?: readonly string[]): boolean {
    return this.#change(`patch ${id} ${JSON.stringify(cloud)}`, id, (before) => {
      if (before.status.state === 'deleted' || before.desired === 'absent') return null;
      return this.#anotherAttempt(before, {
        cloud: { ...before.spec.cloud, ...cloud },
        cidrs: cidrs ?? before.spec.cidrs,
      });
    });
  }

  retry(id: string): boolean {
    return this.#change(`retry ${id}`, id, (before) => {
      if (!mayRetry(before.status) || before.desired === 'absent') return null;
      return this.#anotherAttempt(before, before.spec);
    });
  }

  delete(id: string): boolean {
    return this.#change(`delete ${id}`, id, (before) => {
      if (before.desired === 'absent') return null;
      const at = this.now();
      return { desired: 'absent', status: startDeletion(before.status, at), dueAt: at };
    });
  }

  lock(id: string): boolean {
    return this.#change(`lock ${id}`, id, ({ status }) =>
      status.state === 'deleted' ? null : { lockedNote: 'not now', locked: true },
    );
  }

  unlock(id: string): boolean {
    return this.#change(`unlock ${id}`, id, ({ dueAt, lockedNote }) =>
      lockedNote === null
        ? null
        : { lockedNote: null, locked: false, dueAt: dueAt === null ? null : this.now() },
    );
  }

  refresh(id: string): boolean {
    return this.#write(`refresh ${id}`, () => {
      const record = this.database.connections.get(id);
      if (record === undefined || record.dueAt === null) return null;
      this.database.lookAgain(this.now(), (each) => each.id === id);
      return record;
    });
  }

  #anotherAttempt(before: PeeringRecord, spec: DeclaredSpec): Partial<PeeringRecord> | null {
    if (!mayComplete(before.status) || before.lockedNote !== null) return null;
    const profile = profileOf(before.cloud);
    if (!mayDeclare(profile, before.status, spec.cloud)) return null;
    const plan = this.#planFor(before.deploymentId, before.id);
    if (findConflicts(spec.cidrs.map(blockOf), plan).length > 0) return null;
    const at = this.now();
    const status = startAttempt(profile, spec, at, before);
    return { spec, status, dueAt: hasWork(status) ? at : null };
  }

  #change(
    what: string,
    id: string,
    decide: (before: PeeringRecord) => Partial<PeeringRecord> | null,
  ): boolean {
    return this.#write(what, () => {
      const before = this.database.connections.get(id);
      const changes = before === undefined ? null : decide(before);
      if (before === undefined || changes === null) return null;
      const at = this.now();
      const after = { ...before, ...changes };
      const record = this.database.replace(before, after, [event('asked', {})], at, { kind: 'api' });
      if (record === null) return null;
      const { desired, lockedNote, spec } = record;
      const known = this.acknowledged.get(id);
      const attemptAt = changes.spec === undefined ? (known?.attemptAt ?? at) : at;
      const lockedAt = changes.locked === true ? at : (known?.lockedAt ?? -Infinity);
      this.acknowledged.set(id, { desired, lockedNote, spec, attemptAt, lockedAt });
      return record;
    });
  }

  #write(what: string, transaction: () => PeeringRecord | null): boolean {
    if (this.isAway()) {
      this.trace(() => `api: ${what} -> the database is away`);
      return false;
    }
    let record: PeeringRecord | null;
    try {
      record = transaction();
    } catch (error) {
      if (!(error instanceof ConstraintRefused)) throw error;
      this.trace(() => `api: ${what} -> ${error.message}`);
      return false;
    }
    this.trace(() => `api: ${what} -> ${record === null ? 'no' : 'yes'}`);
    if (record === null) return false;
    this.queue.add(record.deploymentId, 0);
    return true;
  }

  #planFor(deploymentId: string, connectionId: string): AddressPlan {
    const claims = this.database.claims.filter((claim) => claim.deploymentId === deploymentId);
    return {
      reserved: RESERVED,
      deploymentCidrs: claims.flatMap((each) => (each.connectionId === null ? [each.block.text] : [])),
      peers: claims.flatMap(({ connectionId: holder, block }) =>
        holder === null || holder === connectionId ? [] : [{ connectionId: holder, cidrs: [block.text] }],
      ),
    };
  }
}

function event(type: string, data: NewEvent['data']): NewEvent {
  return { type, actor: 'key_1', data };
}
