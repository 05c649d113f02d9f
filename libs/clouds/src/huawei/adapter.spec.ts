import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { CloudError, type CloudPort } from '#domain';
import { connectHuawei } from './adapter.js';

const NETWORK = { vpcId: 'f583c072-0bb8-4e19-afb2-afb7c1693be5', region: 'cn-north-4' };
const CONTEXT = { mark: 'peer_1', token: 'token-1' };
const ID = '22b76469-08e3-4937-8c1d-7aad34892be1';
const TOKEN = 'the-security-token-of-temporary-keys';

/** An endpoint that answers as it is told: for what no well-behaved cloud does. */
describe('Against an endpoint that misbehaves', () => {
  const servers: Server[] = [];
  let port: CloudPort;

  async function listen(answer: (message: IncomingMessage, reply: ServerResponse) => void): Promise<string> {
    const server = createServer((message, reply) => {
      message.resume().once('end', () => {
        answer(message, reply);
      });
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async function connect(
    answer: (message: IncomingMessage, reply: ServerResponse) => void,
    timeoutMs = 5_000,
  ): Promise<void> {
    const endpoint = await listen(answer);
    port = connectHuawei({
      region: NETWORK.region,
      accountId: '059a737356594b41b447b557bf0aae56',
      credentials: {
        kind: 'static',
        accessKeyId: 'HPUA0000EXAMPLE',
        secretAccessKey: 'example-secret-0000',
        sessionToken: TOKEN,
      },
      endpoints: { vpc: endpoint, iam: endpoint },
      timeoutMs,
    });
  }

  afterEach(async () => {
    port.close();
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  async function failure(call: Promise<unknown>): Promise<CloudError> {
    const error: unknown = await call.catch((thrown: unknown) => thrown);
    if (!(error instanceof CloudError)) throw new Error(`There was no failure: ${inspect(error)}`);
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain(TOKEN);
    return error;
  }

  it('an answer that stops midway is given up at the deadline', async () => {
    await connect((_message, reply) => reply.writeHead(200).write('{"peer'), 100);
    expect((await failure(port.observePeerings(NETWORK))).info).toMatchObject({
      category: 'transient',
      code: 'Timeout',
    });
  });

  it('an answer that is cut off is transient', async () => {
    await connect((_message, reply) => {
      reply.writeHead(200, { 'content-length': '5000' }).write('{"id');
      setImmediate(() => reply.destroy());
    });
    expect((await failure(port.acceptPeering(NETWORK, ID, CONTEXT))).info.category).toBe('transient');
  });

  it('an agreement that cannot be read is transient: the change may have been made', async () => {
    await connect((_message, reply) => reply.end('<html>'));
    expect((await failure(port.acceptPeering(NETWORK, ID, CONTEXT))).info).toMatchObject({
      category: 'transient',
      code: 'UnreadableAnswer',
      operation: 'AcceptVpcPeering',
    });
  });

  it('an error that is no JSON is told by its status', async () => {
    await connect((_message, reply) => reply.writeHead(502).end('<html>Bad Gateway</html>'));
    expect((await failure(port.observePeerings(NETWORK))).info).toMatchObject({
      category: 'transient',
      code: 'HTTP502',
    });
  });

  it('a redirection is not followed: what is signed is for nobody else', async () => {
    const visits: string[] = [];
    const elsewhere = await listen((message, reply) => {
      visits.push(String(message.headers['x-security-token']));
      reply.end('{"peerings":[]}');
    });
    await connect((_message, reply) => reply.writeHead(307, { location: elsewhere }).end());
    expect((await failure(port.observePeerings(NETWORK))).info).toMatchObject({ code: 'HTTP307' });
    expect(visits).toEqual([]);
  });

  it('a cloud that repeats the token in its refusal does not get it into the error', async () => {
    await connect((message, reply) =>
      reply.writeHead(401).end(
        JSON.stringify({
          error_code: 'APIGW.0301',
          error_msg: `bad ${String(message.headers['x-security-token'])}`,
        }),
      ),
    );
    expect((await failure(port.observePeerings(NETWORK))).info).toMatchObject({
      category: 'auth',
      message: 'bad [redacted]',
    });
  });

  it('an id from outside stays one segment of a path', async () => {
    const paths: (string | undefined)[] = [];
    await connect((message, reply) => {
      paths.push(message.url);
      reply.writeHead(404).end('{"NeutronError":{"type":"PeeringNotFound","message":""}}');
    });
    expect(await port.observePeering(NETWORK, '../../v3/projects?x=#y')).toBeNull();
    expect(paths).toEqual(['/v2.0/vpc/peerings/..%2F..%2Fv3%2Fprojects%3Fx%3D%23y']);
  });

  it('a listing without anything in it shows nothing', async () => {
    await connect((_message, reply) => reply.end('{}'));
    expect(await port.observePeerings(NETWORK)).toEqual([]);
    expect(await port.observeRoutes(NETWORK)).toEqual([]);
  });

  it('a project that IAM cannot tell at the moment is asked for again', async () => {
    let visits = 0;
    await connect((message, reply) => {
      if (message.url?.startsWith('/v3/projects') !== true) {
        const isRight = message.headers['x-project-id'] === 'right';
        if (isRight) reply.end('{"peerings":[]}');
        else
          reply.writeHead(400).end('{"code":"VPC.0007","message":"urlTenantId is not equal tokenTenantId"}');
      } else if (visits++ === 0) reply.writeHead(503).end();
      else reply.end('{"projects":[{"id":"right","name":"cn-north-4"}]}');
    });
    expect((await failure(port.observePeerings(NETWORK))).info).toMatchObject({
      category: 'transient',
      operation: 'KeystoneListProjects',
    });
    expect(await port.observePeerings(NETWORK)).toEqual([]);
    expect(await port.observePeerings(NETWORK)).toEqual([]);
    expect(visits).toBe(2);
  });
});
