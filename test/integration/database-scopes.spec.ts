import { createServer, connect, type Server, type Socket } from 'node:net';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';

import {
  DatabaseUnavailable,
  openDatabase,
  peerings,
  projects,
  tenants,
  type Database,
  type OperatorScope,
} from '#database';

import {
  failedStatus,
  openSeededDatabase,
  seedPeering,
  seedTenancy,
  type SeededDatabase,
  type Tenancy,
} from '../support/seeded-database.js';
import { startTcpProxy } from '../support/tcp-proxy.js';

let place: SeededDatabase;
let database: Database;
let tenancy: Tenancy;

beforeAll(async () => {
  place = await openSeededDatabase(4);
  database = place.database;
  tenancy = await seedTenancy(database);
});

afterAll(() => place.close());

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`Waited in vain until ${what}.`);
    await new Promise((settle) => setTimeout(settle, 10));
  }
}

const projectNames = async (): Promise<string[]> => {
  const page = await database.asOperator((scope) => projects.list(scope, { tenantId: tenancy.tenant.id }));
  return page.items.map(({ name }) => name);
};

const addProject = (scope: OperatorScope, name: string): Promise<unknown> =>
  projects.create(scope, { tenantId: tenancy.tenant.id, name });

describe('a scope', () => {
  test('is taken back whole when its work fails', async () => {
    const work = database.asOperator(async (scope) => {
      await addProject(scope, 'half done');
      throw new Error('changed my mind');
    });
    await expect(work).rejects.toThrow('changed my mind');
    expect(await projectNames()).not.toContain('half done');
  });

  test('is taken back when a refusal inside it is swallowed, and says so', async () => {
    const work = database.asOperator(async (scope) => {
      await addProject(scope, 'swallowed');
      await addProject(scope, 'swallowed').catch(() => undefined);
    });
    await expect(work).rejects.toThrow('A failed query was ignored');
    expect(await projectNames()).not.toContain('swallowed');
  });

  test('lets nothing slip out that was not waited for', async () => {
    let late: Promise<unknown> = Promise.resolve();
    await database.asOperator(async (scope) => {
      await addProject(scope, 'in time');
      late = new Promise((settle) => setTimeout(settle, 20)).then(() => addProject(scope, 'too late'));
    });
    await expect(late).rejects.toThrow('The scope has ended');
    expect(await projectNames()).toContain('in time');
    expect(await projectNames()).not.toContain('too late');
  });

  test('of a tenant leaves no trace on its connection: the next one is an operator again', async () => {
    const one = await openDatabase({ url: place.url, poolSize: 1, applicationName: 'spec' });
    try {
      await one.asTenant(tenancy.tenant.id, (scope) => tenants.get(scope, tenancy.tenant.id));
      await one.asTenant(tenancy.tenant.id, () => Promise.reject(new Error('no'))).catch(() => undefined);
      const [row] = await one.single<{ role: string; tenant: string }>(
        {
          name: 'spec.who',
          text: `SELECT current_user AS role, current_setting('peering_broker.tenant_id', true) AS tenant`,
        },
        [],
      );
      expect(row).toEqual({ role: 'broker', tenant: '' });
    } finally {
      await one.close();
    }
  });

  test('of a tenant whose id is not one opens nothing else', async () => {
    const hostile = `x'; RESET ROLE; --`;
    const page = await database.asTenant(hostile, (scope) => peerings.list(scope, {}));
    expect(page.items).toEqual([]);
  });

  test('is run again when PostgreSQL breaks a deadlock at its cost', async () => {
    const [first, second] = await Promise.all(
      [1, 2].map((network) => seedPeering(database, tenancy.deployment, network, [])),
    );
    let runs = 0;
    let bothHold = (): void => undefined;
    const held = new Promise<void>((settle) => {
      let holders = 0;
      bothHold = () => {
        holders += 1;
        if (holders === 2) settle();
      };
    });
    const lockBoth = (ids: readonly string[]): Promise<void> =>
      database.asOperator(async (scope) => {
        runs += 1;
        await peerings.getForUpdate(scope, ids[0]!);
        bothHold();
        await held;
        await peerings.getForUpdate(scope, ids[1]!);
      });
    await Promise.all([lockBoth([first!.id, second!.id]), lockBoth([second!.id, first!.id])]);
    expect(runs).toBeGreaterThan(2);
  });

  test('that is open is waited for when its process goes; none is opened after that', async () => {
    const going = await openDatabase({ url: place.url, poolSize: 2, applicationName: 'spec' });
    let enter = (): void => undefined;
    let leave = (): void => undefined;
    const inside = new Promise<void>((settle) => (enter = settle));
    const released = new Promise<void>((settle) => (leave = settle));
    const work = going.asOperator(async (scope) => {
      await addProject(scope, 'before closing');
      enter();
      await released;
      await addProject(scope, 'while closing');
    });
    await inside;
    const closed = going.close();
    await expect(going.asOperator(() => Promise.resolve())).rejects.toThrow(DatabaseUnavailable);
    leave();
    await Promise.all([work, closed]);
    expect(await projectNames()).toEqual(expect.arrayContaining(['before closing', 'while closing']));
    await expect(going.ping()).rejects.toThrow(DatabaseUnavailable);
  });

  test('of an observer cannot write', async () => {
    await expect(database.asObserver((scope) => addProject(scope, 'observed'))).rejects.toThrow(
      /read-only transaction/,
    );
  });
});

/** A line to PostgreSQL that the test can cut. */
async function openLine(): Promise<{ url: string; cut(): void; close(): Promise<void>; count(): number }> {
  const target = new URL(place.url);
  const sockets = new Set<Socket>();
  let connections = 0;
  const server: Server = createServer((near) => {
    connections += 1;
    const far = connect(Number(target.port), target.hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
  const url = new URL(place.url);
  url.port = String((server.address() as { port: number }).port);
  const cut = (): void => sockets.forEach((socket) => socket.destroy());
  return {
    url: url.href,
    cut,
    count: () => connections,
    close: async () => {
      const closed = new Promise((settle) => server.close(settle));
      cut();
      await closed;
    },
  };
}

describe('a line to PostgreSQL that breaks', () => {
  test('is named as such, and the next scope has a new one', async () => {
    const line = await openLine();
    const far = await openDatabase({ url: line.url, poolSize: 2, applicationName: 'spec' });
    try {
      const work = far.asOperator(async (scope) => {
        await tenants.get(scope, tenancy.tenant.id);
        line.cut();
        await tenants.get(scope, tenancy.tenant.id);
      });
      await expect(work).rejects.toThrow(DatabaseUnavailable);
      expect(await far.asOperator((scope) => tenants.get(scope, tenancy.tenant.id))).toEqual(tenancy.tenant);
    } finally {
      await far.close();
      await line.close();
    }
  });

  test('while idle is replaced without anybody noticing', async () => {
    const line = await openLine();
    const far = await openDatabase({ url: line.url, poolSize: 2, applicationName: 'spec' });
    try {
      await far.ping();
      const before = line.count();
      line.cut();
      await until('the pool has let go of it', async () => {
        await far.ping().catch(() => undefined);
        return line.count() > before;
      });
      await far.ping();
    } finally {
      await far.close();
      await line.close();
    }
  });

  test('in the moment in which it is handed out is an outage, and ends no process', async () => {
    const ready = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);
    const words = Buffer.from('SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0');
    const length = Buffer.alloc(4);
    length.writeInt32BE(words.length + 4);
    const farewell = Buffer.concat([Buffer.from('E'), length, words]);
    const { port } = new URL(place.url);
    // The first connection is well; every other one is ended in the same packet that says that it is ready.
    const line = await startTcpProxy(Number(port), (answer, connection) =>
      connection > 1 && answer.subarray(-ready.length).equals(ready)
        ? Buffer.concat([answer, farewell])
        : answer,
    );
    const far = await openDatabase({ url: line.inFront(place.url), poolSize: 2, applicationName: 'spec' });
    try {
      const held = far.asOperator(async (scope) => {
        await tenants.get(scope, tenancy.tenant.id);
        await expect(far.asOperator((other) => tenants.get(other, tenancy.tenant.id))).rejects.toThrow(
          DatabaseUnavailable,
        );
      });
      await held;
    } finally {
      await far.close();
      await line.end();
    }
  });

  test('without a word is an outage once no answer can be hoped for, and is not used again', async () => {
    const line = await startTcpProxy(Number(new URL(place.url).port));
    const far = await openDatabase({
      url: line.inFront(place.url),
      poolSize: 2,
      applicationName: 'spec',
      answerTimeoutMs: 500,
    });
    try {
      const read = () => far.asOperator((scope) => tenants.get(scope, tenancy.tenant.id));
      await Promise.all([read(), read()]);
      expect(line.connections()).toBe(2);
      line.silence();
      const answers = await Promise.allSettled([read(), far.ping(), read()]);
      // Whoever has waited for one of the two gets a new one.
      const lost = answers.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
      expect(lost).toEqual([expect.any(DatabaseUnavailable), expect.any(DatabaseUnavailable)]);
      expect(await read()).toEqual(tenancy.tenant);
    } finally {
      await far.close();
      await line.end();
    }
  });

  test('is an outage when nobody listens there', async () => {
    const line = await openLine();
    const far = await openDatabase({ url: line.url, poolSize: 2, applicationName: 'spec' });
    await line.close();
    await expect(far.ping()).rejects.toThrow(DatabaseUnavailable);
    await expect(openDatabase({ url: line.url, poolSize: 2, applicationName: 'spec' })).rejects.toThrow(
      DatabaseUnavailable,
    );
    await far.close();
  });

  test('under a session that an administrator ends is an outage, not a defect', async () => {
    const work = database.asOperator(async (scope) => {
      await tenants.get(scope, tenancy.tenant.id);
      const admin = new pg.Client({ connectionString: place.url });
      await admin.connect();
      await admin.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'spec' AND state = 'idle in transaction'`,
      );
      await admin.end();
      await tenants.get(scope, tenancy.tenant.id);
    });
    await expect(work).rejects.toThrow(DatabaseUnavailable);
  });
});

describe('announcements', () => {
  test('name each connection whose state or reason changes, whoever changed it, and no other', async () => {
    const [changed, renamed] = await Promise.all(
      [11, 12].map((network) => seedPeering(database, tenancy.deployment, network, [])),
    );
    const heard: (string | null)[] = [];
    const stop = database.onPeeringChanged((id) => heard.push(id));
    await until('it listens', () => heard.includes(null));
    await database.asTenant(tenancy.tenant.id, async (scope) => {
      await peerings.change(scope, renamed!, { displayName: 'other' }, Date.now());
      await peerings.change(scope, changed!, { status: failedStatus(changed!.status) }, Date.now());
    });
    await until('it has heard', () => heard.includes(changed!.id));
    expect(heard).not.toContain(renamed!.id);
    stop();
  });

  test('come back after the line was lost, and say that something may have been missed', async () => {
    const line = await openLine();
    const far = await openDatabase({ url: line.url, poolSize: 2, applicationName: 'spec' });
    try {
      const connection = await seedPeering(database, tenancy.deployment, 13, []);
      const heard: (string | null)[] = [];
      far.onPeeringChanged((id) => heard.push(id));
      await until('it listens', () => heard.length === 1);
      line.cut();
      await until('it listens again', () => heard.length === 2);
      expect(heard).toEqual([null, null]);
      await database.asOperator((scope) =>
        peerings.change(scope, connection, { status: failedStatus(connection.status) }, Date.now()),
      );
      await until('it has heard', () => heard.length === 3);
      expect(heard).toEqual([null, null, connection.id]);
    } finally {
      await far.close();
      await line.close();
    }
  });
});
