import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { CloudError, type CloudPort } from '#domain';
import { connectAlibaba } from './adapter.js';

const NETWORK = { vpcId: 'vpc-bp1vzjkp2q1xgnind0001', region: 'cn-hangzhou' };
const CONTEXT = { mark: 'peer_1', token: 'token-1' };
const PCC = 'pcc-lnk0m24khwvtkm5x1y';

/** An endpoint that answers as it is told: for what no well-behaved cloud does. */
describe('Against an endpoint that misbehaves', () => {
  let server: Server;
  let port: CloudPort;

  async function connect(
    answer: (action: string, reply: ServerResponse) => void,
    timeoutMs = 5_000,
  ): Promise<string[]> {
    const actions: string[] = [];
    server = createServer((message, reply) => {
      message.resume().once('end', () => {
        const action = String(message.headers['x-acs-action']);
        actions.push(action);
        answer(action, reply);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    port = connectAlibaba({
      region: NETWORK.region,
      accountId: '283117732402483989',
      credentials: { kind: 'static', accessKeyId: 'LTAI0000EXAMPLE', secretAccessKey: 'example-secret-0000' },
      endpoints: { vpcpeer: endpoint, vpc: endpoint },
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

  it('an answer that stops midway is given up at the deadline', async () => {
    await connect((_action, reply) => reply.writeHead(200).write('{"VpcPeer'), 100);
    const { info } = await failure(port.observePeerings(NETWORK));
    expect(info).toMatchObject({ category: 'transient', code: 'Timeout' });
  });

  it('an answer that is cut off is transient', async () => {
    await connect((_action, reply) => {
      reply.writeHead(200, { 'content-length': '5000' }).write('{"Requ');
      setImmediate(() => reply.destroy());
    }, 1_000);
    expect((await failure(port.acceptPeering(NETWORK, PCC, CONTEXT))).info.category).toBe('transient');
  });

  it('an agreement that cannot be read is transient: the change may have been made', async () => {
    await connect((_action, reply) => reply.end('<html>'));
    expect((await failure(port.acceptPeering(NETWORK, PCC, CONTEXT))).info).toMatchObject({
      category: 'transient',
      code: 'UnreadableAnswer',
      operation: 'AcceptVpcPeerConnection',
    });
  });

  it('a refusal by what stands in front of the cloud is transient', async () => {
    await connect((_action, reply) => reply.writeHead(502).end('<html>Bad Gateway</html>'));
    expect((await failure(port.observePeerings(NETWORK))).info).toMatchObject({
      category: 'transient',
      code: 'UnreadableAnswer',
    });
  });

  it('a listing without anything in it shows nothing', async () => {
    await connect((_action, reply) => reply.end('{}'));
    expect(await port.observePeerings(NETWORK)).toEqual([]);
    expect(await port.observeRoutes(NETWORK)).toEqual([]);
    expect(await port.describeNetwork(NETWORK)).toEqual({
      vpcId: NETWORK.vpcId,
      cidrs: [],
      routeTableIds: [],
    });
  });

  it('pages of route tables that never fill up end the listing', async () => {
    const actions = await connect((_action, reply) => reply.end('{"TotalCount":3,"RouterTableList":{}}'));
    expect(await port.observeRoutes(NETWORK)).toEqual([]);
    expect(actions).toEqual(['DescribeRouteTableList']);
  });

  it('an entry that was in the way and is gone when looked at is a conflict, to be tried again', async () => {
    await connect((action, reply) => {
      if (action === 'CreateRouteEntry') {
        reply.writeHead(400).end('{"Code":"RouterEntryConflict.Duplicated","Message":"","RequestId":"1"}');
      } else {
        reply.end('{"RouteEntrys":{"RouteEntry":[]}}');
      }
    });
    const route = { routeTableId: 'vtb-1', destination: '172.16.0.0/16', target: PCC };
    expect((await failure(port.ensureRoute(NETWORK, route, CONTEXT))).info.category).toBe('conflict');
  });
});
