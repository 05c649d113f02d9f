import { afterEach, describe, expect, it } from '@jest/globals';
import { StateStore } from './state-store.js';
import { VirtualClock } from './virtual-clock.js';
import { startSimulators, type Simulators } from './simulator.js';

interface Thing {
  readonly id: string;
  readonly group: string;
  readonly state: string;
}

function thingStore() {
  const clock = new VirtualClock();
  clock.freeze();
  clock.set(0);
  const store = new StateStore(clock);
  const things = store.table('things', { id: (t: Thing) => t.id, indexes: { group: (t) => [t.group] } });
  return { clock, store, things };
}

describe('StateStore', () => {
  it('reads the state before the latest change, and leaves the present as it was', () => {
    const { store, things } = thingStore();
    store.beginTransaction();
    things.put({ id: 'a', group: 'x', state: 'new' });
    store.beginTransaction();
    things.update('a', { group: 'y', state: 'old' });
    things.put({ id: 'b', group: 'x', state: 'new' });
    const seen = store.asOf('before_last_change', () => ({
      x: things.by('group', 'x'),
      y: things.by('group', 'y'),
    }));
    expect(seen).toEqual({ x: [{ id: 'a', group: 'x', state: 'new' }], y: [] });
    expect(things.by('group', 'x').map((t) => t.id)).toEqual(['b']);
    expect(things.by('group', 'y').map((t) => t.id)).toEqual(['a']);
  });

  it('reads the state of some time ago, with the clock standing there', () => {
    const { clock, store, things } = thingStore();
    things.put({ id: 'a', group: 'x', state: 'one' });
    clock.advance(1000);
    things.update('a', { state: 'two' });
    clock.advance(1000);
    expect(store.asOf({ ms: 1500 }, () => [things.get('a')?.state, clock.now()])).toEqual(['one', 500]);
    expect(store.asOf({ ms: 500 }, () => [things.get('a')?.state, clock.now()])).toEqual(['two', 1500]);
  });

  it('refuses a write during a stale read', () => {
    const { store, things } = thingStore();
    things.put({ id: 'a', group: 'x', state: 'one' });
    expect(() =>
      store.asOf('before_last_change', () => things.put({ id: 'b', group: 'x', state: 'one' })),
    ).toThrow('stale read');
    expect(things.has('b')).toBe(false);
    expect(things.has('a')).toBe(true);
  });

  it('does due work in order, each at its own time', () => {
    const { clock, store } = thingStore();
    const done: [string, number][] = [];
    store.agenda.on('note', (subject) => done.push([subject, clock.now()]));
    store.agenda.on('note and plan', (subject, at) => {
      done.push([subject, clock.now()]);
      store.agenda.plan(at + 100, 'note', 'b');
    });
    store.agenda.plan(300, 'note', 'c');
    store.agenda.plan(100, 'note and plan', 'a');
    store.agenda.plan(900, 'note', 'never');
    clock.set(500);
    store.agenda.runDue();
    expect(done).toEqual([
      ['a', 100],
      ['b', 200],
      ['c', 300],
    ]);
  });
});

describe('control API', () => {
  let simulators: Simulators | undefined;
  afterEach(async () => {
    await simulators?.close();
    simulators = undefined;
  });

  async function start() {
    simulators = await startSimulators({ ports: 'ephemeral', clouds: [] });
    const { controlUrl } = simulators;
    return async (method: string, path: string, body?: unknown) => {
      const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
      const response = await fetch(`${controlUrl}${path}`, init);
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
  }

  it('moves and freezes the clock', async () => {
    const control = await start();
    await control('PUT', '/_sim/clock', { frozen: true, now: '2030-01-01T00:00:00Z' });
    await control('PUT', '/_sim/clock', { advanceSeconds: 600 });
    const { body } = await control('GET', '/_sim/clock');
    expect(body).toMatchObject({ now: '2030-01-01T00:10:00.000Z', frozen: true });
  });

  it('lists, spends and removes faults', async () => {
    const control = await start();
    const added = await control('POST', '/_sim/faults', {
      kind: 'throttle',
      operation: 'Describe*',
      times: 1,
    });
    expect(added.body).toMatchObject({ kind: 'throttle', struck: 0 });
    const call = { operation: 'DescribeVpcs', accountId: '1', region: 'r', readOnly: true, parameters: {} };
    expect(simulators?.faults.strike('aws', { ...call, operation: 'CreateVpc' })).toHaveLength(0);
    expect(simulators?.faults.strike('aws', call)).toHaveLength(1);
    expect(simulators?.faults.strike('aws', call)).toHaveLength(0);
    expect((await control('DELETE', `/_sim/faults/${added.body['id'] as string}`)).status).toBe(200);
    expect((await control('GET', '/_sim/faults')).body).toEqual({ faults: [] });
  });

  it.each([
    ['PUT', '/_sim/clock', { speed: 2 }, 400, 'Unknown field "speed"'],
    ['PUT', '/_sim/clock', { now: 'tomorrow' }, 400, 'ISO 8601'],
    ['POST', '/_sim/faults', { kind: 'gremlins' }, 400, 'must be one of latency'],
    ['POST', '/_sim/faults', { kind: 'error' }, 400, 'needs "code"'],
    ['POST', '/_sim/faults', [], 400, 'must be a JSON object'],
    ['POST', '/_sim/accounts', {}, 400, '"cloud" is missing'],
    ['POST', '/_sim/clock', {}, 405, 'takes GET or PUT'],
    ['POST', '/_sim/nowhere/books', {}, 404, 'GET /_sim lists'],
  ])('%s %s with %j says what is wrong', async (method, path, body, status, message) => {
    const control = await start();
    const answer = await control(method, path, body);
    expect(answer.status).toBe(status);
    expect(answer.body['error']).toContain(message);
  });

  it('says which port is taken and how to move', async () => {
    await start();
    const port = Number(new URL(simulators?.controlUrl ?? '').port);
    await expect(startSimulators({ ports: port, clouds: [] })).rejects.toThrow(
      `Port ${port} on 127.0.0.1, wanted for the control API, is in use: set SIM_PORT`,
    );
  });
});
