/**
 * Defects that software like this has had, each planted into the rules, the store or the worker by a few lines: what the
 * simulation does not find of them, it would not find of others.
 */
import {
  decide,
  type CloudId,
  type Decision,
  type DecisionInput,
  type PeeringStatus,
  type RecordedRoute,
} from '#domain';
import type { Lease, PeeringRecord, SaveResult, StatusWrite } from '#database';

import type { FaultRates } from './fault-plan.js';
import type { PlantedDefect } from './history.js';
import type { MemoryDatabase } from './memory-database.js';
import { MemoryStore } from './memory-store.js';

/** A planted defect and where to look for it. */
export interface Planted {
  readonly name: string;
  readonly defect: PlantedDefect;
  /** The clouds in which it can do harm; absent: any. */
  readonly cloud?: CloudId;
  /** Faults under which it shows, in place of those that are drawn. */
  readonly rates?: FaultRates;
}

const rules = (change: (input: DecisionInput) => Decision): PlantedDefect => ({ decide: change });

/** The rules with a connection whose status is another one. */
function judged(input: DecisionInput, status: Partial<PeeringStatus>): Decision {
  const { connection } = input;
  return decide({ ...input, connection: { ...connection, status: { ...connection.status, ...status } } });
}

/** The rules, blind to one side of what they compare. */
function comparing(input: DecisionInput, ignored: 'requester' | 'accepter'): Decision {
  const { profile } = input;
  const mismatches: typeof profile.mismatches = (...sides) =>
    profile.mismatches(...sides).filter(({ side }) => side !== ignored);
  return decide({ ...input, profile: { ...profile, mismatches } });
}

class UnfencedStore extends MemoryStore {
  protected override mayWrite(): boolean {
    return true;
  }
}

/** Writes a decision without what it is about to do, and goes on to do it. */
class ForgetfulStore extends MemoryStore {
  protected override write(lease: Lease, before: PeeringRecord, write: StatusWrite): SaveResult {
    const { intent } = write.status;
    if (intent?.outcome !== null) return super.write(lease, before, write);
    const saved = super.write(lease, before, {
      ...write,
      status: { ...write.status, intent: before.status.intent },
    });
    if (saved.outcome !== 'saved') return saved;
    return { ...saved, connection: { ...saved.connection, status: write.status } };
  }
}

/** Writes over whatever somebody else has written since. */
class OverwritingStore extends MemoryStore {
  protected override write(lease: Lease, before: PeeringRecord, write: StatusWrite): SaveResult {
    const version = this.rowOf(before.id)?.version ?? before.version;
    return super.write(lease, { ...before, version }, write);
  }
}

/** Tells what happens beside the transaction, so that whoever tries again tells it again. */
class TalkativeStore extends MemoryStore {
  readonly #told = new Map<string, StatusWrite['events']>();

  protected override write(lease: Lease, before: PeeringRecord, write: StatusWrite): SaveResult {
    const untold = this.#told.get(before.id) ?? [];
    const saved = super.write(lease, before, { ...write, events: [...untold, ...write.events] });
    this.#told.set(before.id, saved.outcome === 'saved' ? [] : [...untold, ...write.events]);
    return saved;
  }
}

const withStore = (Store: typeof MemoryStore): PlantedDefect => ({
  makeStore: (database, surroundings) => new Store(database, surroundings),
});

export const PLANTED: readonly Planted[] = [
  {
    name: 'accepts without comparing the requester',
    defect: rules((input) => comparing(input, 'requester')),
  },
  {
    name: 'accepts what is meant for another network',
    defect: rules((input) => comparing(input, 'accepter')),
    cloud: 'aws',
  },
  {
    name: 'does not check the fence',
    defect: withStore(UnfencedStore),
    rates: { freeze: 0.03 },
  },
  { name: 'acts before the intention is written', defect: withStore(ForgetfulStore) },
  { name: 'does not check the version', defect: withStore(OverwritingStore) },
  { name: 'tells an event again when it tries again', defect: withStore(TalkativeStore) },
  {
    name: 'counts the approval window from the creation',
    cloud: 'tencent',
    defect: rules((input) => {
      const { deadline } = input.connection.status;
      if (deadline?.kind !== 'customer_approval') return decide(input);
      const at = input.connection.createdAt + input.settings.approvalWindowMs;
      return judged(input, { deadline: { ...deadline, at } });
    }),
  },
  {
    name: 'counts a withdrawal as done when it was asked for',
    cloud: 'tencent',
    defect: rules((input) => {
      const isAsked = input.connection.status.intent?.action.kind === 'withdraw_attachment';
      return decide(isAsked ? { ...input, sighting: { ...input.sighting, peering: null } } : input);
    }),
  },
  {
    name: 'lets the deadline of an approval pass',
    cloud: 'tencent',
    defect: rules((input) => {
      const decision = decide(input);
      const { desired, status } = input.connection;
      const { deadline } = status;
      const isLate = deadline?.kind === 'customer_approval' && input.now < deadline.at + 8_000;
      return isLate && decision.action?.kind === 'withdraw_attachment' && desired === 'present'
        ? { status, action: null, recheckInMs: 2_000 }
        : decision;
    }),
  },
  {
    name: 'leaves out the last look at the deadline',
    cloud: 'tencent',
    defect: rules((input) => {
      const { deadline, ending, lastSeen } = input.connection.status;
      const isOver = ending === null && deadline?.kind === 'customer_approval' && input.now >= deadline.at;
      const seen = isOver && lastSeen !== null ? lastSeen.peering : input.sighting.peering;
      return decide({ ...input, sighting: { ...input.sighting, at: input.now, peering: seen } });
    }),
  },
  {
    name: 'forgets the routes of what is deleted',
    defect: rules((input) =>
      input.connection.desired === 'absent' ? judged(input, { routes: [] }) : decide(input),
    ),
  },
  {
    name: 'asks again when the customer has said no',
    cloud: 'tencent',
    defect: rules((input) => {
      const decision = decide(input);
      const { connection, now, profile } = input;
      const { status } = connection;
      if (decision.status.state !== 'rejected' || status.state === 'rejected') return decision;
      const { cloud } = connection.spec;
      const action = {
        kind: 'request_attachment',
        providerId: profile.declaredProviderId(cloud) ?? '',
        ownerAccountId: profile.attachmentOwner(cloud) ?? '',
      } as const;
      const intent = { action, token: `again-${now}`, firstAt: now, lastAt: now, attempts: 1, outcome: null };
      return { status: { ...status, intent }, action, recheckInMs: 0 };
    }),
  },
  {
    name: 'releases the blocks of a connection when its deletion begins',
    defect: {
      plant: (database: MemoryDatabase): void => {
        const { claimsOf } = database;
        database.claimsOf = (record) => (record.desired === 'absent' ? [] : claimsOf(record));
      },
    },
  },
  {
    name: 'does not sweep, and its wake-up calls get lost',
    defect: { sweeps: false },
    rates: { job_lost: 0.3 },
  },
  {
    name: 'believes the first look that shows nothing',
    defect: rules((input) => decide({ ...input, settings: { ...input.settings, missingConfirmMs: 0 } })),
  },
  {
    name: 'takes away what another connection holds',
    defect: rules((input) => decide({ ...input, holders: new Map() })),
  },
  {
    name: 'forgets a route that a look has missed',
    defect: rules((input) => {
      const decision = decide(input);
      const { routeTables } = input.sighting;
      if (routeTables === null || decision.action?.kind === 'ensure_route') return decision;
      const isShown = ({ destination, routeTableId }: RecordedRoute): boolean =>
        routeTables.some(
          (table) =>
            table.routeTableId === routeTableId &&
            table.routes.some((entry) => entry.destination === destination),
        );
      return { ...decision, status: { ...decision.status, routes: decision.status.routes.filter(isShown) } };
    }),
  },
  {
    name: 'changes what is locked',
    defect: rules((input) => decide({ ...input, connection: { ...input.connection, locked: false } })),
  },
];
