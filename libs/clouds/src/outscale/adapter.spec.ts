import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { CloudError, type CloudPort } from '#domain';
import { connectOutscale } from './adapter.js';

const NETWORK = { vpcId: 'vpc-0f1e2d3c', region: 'eu-west-2' };
const CONTEXT = { mark: 'peer_1', token: 'token-1' };
const PCX = 'pcx-0a1b2c3d';
const ROUTE = { routeTableId: 'rtb-0a1b2c3d', destination: '172.16.0.0/16', target: PCX };

const KEYS = {
  kind: 'static',
  accessKeyId: 'ABCDEFGHIJ0123456789',
  secretAccessKey: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCD',
} as const;

const answer = (body: object = {}): string =>
  JSON.stringify({ ...body, ResponseContext: { RequestId: 'req-1' } });

const refusal = (code: string): string =>
  answer({ Errors: [{ Code: code, Type: 'SomeType', Details: 'No.' }] });

/** An endpoint that answers as it is told: for what no well-behaved cloud does. */
describe('Against an endpoint that misbehaves', () => {
  let server: Server;
  let port: CloudPort;
  let requests: IncomingMessage[];

  async function connect(
    respond: (action: string, reply: ServerResponse) => void,
    { timeoutMs = 5_000 } = {},
  ): Promise<string[]> {
    const actions: string[] = [];
    requests = [];
    server = createServer((message, reply) => {
      void message.toArray().then(() => {
        const action = message.url?.split('/').at(-1) ?? '';
        actions.push(action);
        requests.push(message);
        respond(action, reply);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    port = connectOutscale({
      region: NETWORK.region,
      accountId: '111122223333',
      credentials: KEYS,
      endpoints: { api: endpoint },
      timeoutMs,
    });
    return actions;
  }

  afterEach(async () => {
    port.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  async function failure(call: Promise<unknown>): Promise<CloudError> {
    const error: unknown = await call.catch((thrown: unknown) => thrown);
    if (!(error instanceof CloudError)) throw new Error(`There was no failure: ${inspect(error)}`);
    return error;
  }

  const connections = (): Promise<number> =>
    new Promise((resolve, reject) => {
      server.getConnections((error, count) => {
        if (error) reject(error);
        else resolve(count);
      });
    });

  it('an answer that stops midway is given up at the deadline', async () => {
    await connect((_action, reply) => reply.writeHead(200).write('{"NetPeer'), { timeoutMs: 100 });
    const { info } = await failure(port.observePeerings(NETWORK));
    expect(info).toMatchObject({
      category: 'transient',
      code: 'Timeout',
      message: 'no answer within 100 ms',
    });
    while ((await connections()) > 0) await new Promise(setImmediate);
  });

  it('an answer that is cut off is transient', async () => {
    await connect((_action, reply) => {
      reply.writeHead(200, { 'content-length': '5000' }).write('{"Net');
      setImmediate(() => reply.destroy());
    });
    expect((await failure(port.acceptPeering(NETWORK, PCX, CONTEXT))).info.category).toBe('transient');
  });

  it.each(['{"NetPeering', '', '[]', 'null'])(
    'an agreement that cannot be read (%p) is transient: the change may have been made',
    async (text) => {
      await connect((_action, reply) => reply.end(text));
      expect((await failure(port.acceptPeering(NETWORK, PCX, CONTEXT))).info).toMatchObject({
        category: 'transient',
        code: 'UnreadableAnswer',
        operation: 'AcceptNetPeering',
      });
    },
  );

  it('something else that answers 404 has deleted nothing', async () => {
    await connect((_action, reply) => reply.writeHead(404).end('<html><body>Not here</body></html>'));
    for (const end of ['deletePeering', 'rejectPeering'] as const) {
      expect((await failure(port[end](NETWORK, PCX, CONTEXT))).info).toMatchObject({
        category: 'unknown',
        code: 'HTTP404',
      });
    }
  });

  it('a redirection is not followed with a signature', async () => {
    const actions = await connect((_action, reply) =>
      reply.writeHead(307, { location: '/api/v1/Elsewhere' }).end(),
    );
    expect((await failure(port.observePeerings(NETWORK))).info).toMatchObject({
      category: 'unknown',
      code: 'HTTP307',
    });
    expect(actions).toEqual(['ReadNetPeerings']);
  });

  it('an empty answer shows nothing, and no route is removed on its word', async () => {
    const actions = await connect((_action, reply) => reply.end(answer()));
    expect(await port.observePeerings(NETWORK)).toEqual([]);
    expect(await port.observePeering(NETWORK, PCX)).toBeNull();
    expect((await failure(port.describeNetwork(NETWORK))).info.category).toBe('not_found');
    await port.removeRoute(NETWORK, ROUTE, CONTEXT);
    expect(actions).not.toContain('DeleteRoute');
  });

  it.each(['6004', '5035', '9999', '3001'])(
    'a refusal (%s) that the connection contradicts stays a refusal',
    async (code) => {
      const pending = { NetPeeringId: PCX, State: { Name: 'pending-acceptance' } };
      await connect((action, reply) => {
        if (action.startsWith('Read')) reply.end(answer({ NetPeerings: [pending] }));
        else reply.writeHead(409).end(refusal(code));
      });
      expect((await failure(port.deletePeering(NETWORK, PCX, CONTEXT))).info).toMatchObject({
        code,
        operation: 'DeleteNetPeering',
      });
    },
  );

  it('a refusal in words that nobody knows is forgiven when there is nothing left to end', async () => {
    const over = { NetPeeringId: PCX, State: { Name: 'failed' } };
    await connect((action, reply) => {
      if (action.startsWith('Read')) reply.end(answer({ NetPeerings: [over] }));
      else reply.writeHead(400).end(refusal('4999'));
    });
    expect(await port.rejectPeering(NETWORK, PCX, CONTEXT)).toEqual({ requestId: 'req-1' });
  });

  it('a route that is refused and not there to be seen stays refused, by whatever code', async () => {
    await connect((action, reply) => {
      if (action.startsWith('Read')) reply.end(answer({ RouteTables: [{ RouteTableId: 'rtb-0a1b2c3d' }] }));
      else reply.writeHead(409).end(refusal('9999'));
    });
    expect((await failure(port.ensureRoute(NETWORK, ROUTE, CONTEXT))).info).toMatchObject({
      category: 'conflict',
      code: '9999',
      operation: 'CreateRoute',
    });
  });

  it('a route that leads where it should counts as made, by whatever code it was refused', async () => {
    const Routes = [{ DestinationIpRange: ROUTE.destination, NetPeeringId: PCX, State: 'active' }];
    const peering = { NetPeeringId: PCX, State: { Name: 'active' } };
    await connect((action, reply) => {
      if (action === 'ReadRouteTables')
        reply.end(answer({ RouteTables: [{ RouteTableId: ROUTE.routeTableId, Routes }] }));
      else if (action === 'ReadNetPeerings') reply.end(answer({ NetPeerings: [peering] }));
      else reply.writeHead(400).end(refusal('4999'));
    });
    expect(await port.ensureRoute(NETWORK, ROUTE, CONTEXT)).toEqual({ requestId: 'req-1' });
  });

  it('pages are asked for until there are no more', async () => {
    let page = 0;
    const actions = await connect((_action, reply) => {
      page++;
      const peering = { NetPeeringId: `pcx-${page}`, State: { Name: 'active' } };
      reply.end(answer({ NetPeerings: [peering], ...(page < 3 && { NextPageToken: `token-${page}` }) }));
    });
    const seen = await port.observePeerings(NETWORK);
    expect(seen.map((peering) => peering.providerId)).toEqual(['pcx-1', 'pcx-2', 'pcx-3']);
    expect(actions).toHaveLength(3);
  });

  it('requests say what they are, and sign nothing that a proxy changes', async () => {
    await connect((_action, reply) => reply.end(answer()));
    await port.observePeerings(NETWORK);
    const [{ method, url, headers } = {}] = requests;
    expect([method, url]).toEqual(['POST', '/api/v1/ReadNetPeerings']);
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'user-agent': 'peering-broker' });
    expect(headers?.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=ABCDEFGHIJ0123456789\/\d{8}\/eu-west-2\/api\/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=[0-9a-f]{64}$/,
    );
  });

  it('connections are reused, few at a time, and given back when the port closes', async () => {
    await connect((_action, reply) => setImmediate(() => reply.end(answer())));
    server.keepAliveTimeout = 120_000;
    let opened = 0;
    server.on('connection', () => opened++);
    await port.observePeerings(NETWORK);
    await Promise.all(Array.from({ length: 20 }, () => port.observePeerings(NETWORK)));
    expect(opened).toBeLessThanOrEqual(3);
    port.close();
    while ((await connections()) > 0) await new Promise(setImmediate);
  }, 5_000);

  it('calls in flight when the port closes are transient', async () => {
    await connect(() => undefined);
    const call = failure(port.observePeerings(NETWORK));
    while (requests.length === 0) await new Promise(setImmediate);
    port.close();
    expect((await call).info.category).toBe('transient');
  });
});
