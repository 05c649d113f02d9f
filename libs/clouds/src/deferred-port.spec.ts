import { describe, expect, it } from '@jest/globals';
import { CloudError, type CloudConnectionOptions, type CloudPort } from '#domain';
import { deferred } from './deferred-port.js';

const OPTIONS: CloudConnectionOptions = {
  region: 'r',
  accountId: '1',
  credentials: { kind: 'static', accessKeyId: 'a', secretAccessKey: 's' },
  endpoints: {},
  timeoutMs: 1000,
};

/** Every method of the port by name, with as many arguments as it takes. */
const METHODS = {
  describeNetwork: 1,
  observePeerings: 1,
  observePeering: 2,
  observeRoutes: 1,
  acceptPeering: 3,
  rejectPeering: 3,
  deletePeering: 3,
  requestAttachment: 3,
  withdrawAttachment: 3,
  markPeering: 3,
  ensureRoute: 3,
  removeRoute: 3,
} as const satisfies Record<Exclude<keyof CloudPort, 'cloud' | 'close'>, number>;

/** A port that answers each call with its name and arguments, and counts what befalls it. */
function recording() {
  const seen = { loads: 0, connects: 0, closes: 0 };
  const load = () => {
    seen.loads++;
    return Promise.resolve((options: CloudConnectionOptions): CloudPort => {
      seen.connects++;
      const port = { cloud: 'aws', close: () => (seen.closes += 1) } as Record<string, unknown>;
      for (const name of Object.keys(METHODS)) {
        port[name] = (...given: unknown[]) => Promise.resolve([name, options, ...given]);
      }
      return port as unknown as CloudPort;
    });
  };
  return { seen, connect: deferred('aws', load) };
}

const call = (port: CloudPort, name: keyof typeof METHODS, given: readonly unknown[]): Promise<unknown> =>
  (port[name] as (...given: readonly unknown[]) => Promise<unknown>)(...given);

describe('A deferred port', () => {
  it('loads nothing until it is used, and then once', async () => {
    const { seen, connect } = recording();
    const port = connect(OPTIONS);
    expect(port.cloud).toBe('aws');
    expect(seen).toEqual({ loads: 0, connects: 0, closes: 0 });
    const network = { vpcId: 'v', region: 'r' };
    await Promise.all([port.observePeerings(network), port.observeRoutes(network)]);
    expect(seen).toEqual({ loads: 1, connects: 1, closes: 0 });
  });

  it.each(Object.entries(METHODS))('passes %s on as it is', async (name, length) => {
    const given = Array.from({ length }, (_, index) => `argument ${index}`);
    const port = recording().connect(OPTIONS);
    expect(await call(port, name as keyof typeof METHODS, given)).toEqual([name, OPTIONS, ...given]);
  });

  it('closes what it has opened, once, and refuses what comes later', async () => {
    const { seen, connect } = recording();
    const port = connect(OPTIONS);
    const network = { vpcId: 'v', region: 'r' };
    await port.observePeerings(network);
    port.close();
    port.close();
    const error: unknown = await port.observePeerings(network).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CloudError);
    expect((error as CloudError).info).toMatchObject({ category: 'transient', code: 'PortClosed' });
    expect(seen).toEqual({ loads: 1, connects: 1, closes: 1 });
  });

  it('closed before its first call has nothing to load', async () => {
    const { seen, connect } = recording();
    const port = connect(OPTIONS);
    port.close();
    await expect(port.observeRoutes({ vpcId: 'v', region: 'r' })).rejects.toThrow('was closed');
    expect(seen.loads).toBe(0);
  });

  it('closed while it loads never uses what it opens, and closes it', async () => {
    const { seen, connect } = recording();
    const port = connect(OPTIONS);
    const looking = port.observePeerings({ vpcId: 'v', region: 'r' });
    port.close();
    await expect(looking).rejects.toThrow('was closed');
    expect(seen).toEqual({ loads: 1, connects: 1, closes: 1 });
  });
});
