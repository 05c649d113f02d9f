import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { CloudError, type CloudCredentials, type CloudPort } from '#domain';
import { connectAws } from './adapter.js';

const NETWORK = { vpcId: 'vpc-0f1e2d3c4b5a69788', region: 'eu-west-1' };
const CONTEXT = { mark: 'peer_1', token: 'token-1' };
const PCX = 'pcx-0a1b2c3d4e5f60718';

const KEYS: CloudCredentials = {
  kind: 'static',
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};

const ROLE: CloudCredentials = {
  ...KEYS,
  kind: 'assume_role',
  roleArn: 'arn:aws:iam::111122223333:role/broker',
};

const TEMPORARY = {
  AccessKeyId: 'ASIAIOSFODNN7EXAMPLE',
  SecretAccessKey: 'TemporarySecret/With+Signs=',
  SessionToken: 'IQoJb3JpZ2luX2VjEXAMPLE/Token+With==Signs',
};

const issue = (credentials: typeof TEMPORARY): string => {
  const fields = Object.entries({ ...credentials, Expiration: '2099-01-01T00:00:00Z' });
  const issued = fields.map(([name, value]) => `<${name}>${value}</${name}>`).join('');
  const result = `<AssumeRoleResult><Credentials>${issued}</Credentials></AssumeRoleResult>`;
  return `<AssumeRoleResponse>${result}</AssumeRoleResponse>`;
};

const ok = (action: string, children = ''): string =>
  `<?xml version="1.0"?><${action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">` +
  `<requestId>1</requestId>${children}</${action}Response>`;

const refused = (code: string, message: string): string =>
  `<?xml version="1.0"?><Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors>` +
  `<RequestID>1</RequestID></Response>`;

/** An endpoint that answers as it is told: for what no well-behaved cloud does. */
describe('Against an endpoint that misbehaves', () => {
  let server: Server;
  let port: CloudPort;

  async function connect(
    answer: (action: string, reply: ServerResponse) => void,
    { timeoutMs = 5_000, credentials = KEYS } = {},
  ): Promise<string[]> {
    const actions: string[] = [];
    server = createServer((message, reply) => {
      void message.toArray().then((chunks) => {
        const action = new URLSearchParams(Buffer.concat(chunks as Buffer[]).toString()).get('Action') ?? '';
        actions.push(action);
        answer(action, reply);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    port = connectAws({
      region: NETWORK.region,
      accountId: '111122223333',
      credentials,
      endpoints: { ec2: endpoint, sts: endpoint },
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
    await connect((_action, reply) => reply.writeHead(200).write('<DescribeVpcPeering'), { timeoutMs: 100 });
    const { info } = await failure(port.observePeerings(NETWORK));
    expect(info).toMatchObject({
      category: 'transient',
      code: 'Timeout',
      message: 'no answer within 100 ms',
    });
  });

  it('an answer that is cut off is transient', async () => {
    await connect((_action, reply) => {
      reply.writeHead(200, { 'content-length': '5000' }).write('<Accept');
      setImmediate(() => reply.destroy());
    });
    expect((await failure(port.acceptPeering(NETWORK, PCX, CONTEXT))).info.category).toBe('transient');
  });

  it('an agreement that cannot be read is transient: the change may have been made', async () => {
    await connect((_action, reply) => reply.end('<AcceptVpcPeeringConnectionResponse><vpc'));
    expect((await failure(port.acceptPeering(NETWORK, PCX, CONTEXT))).info).toMatchObject({
      category: 'transient',
      code: 'UnreadableAnswer',
      operation: 'AcceptVpcPeeringConnection',
    });
  });

  it('something else that answers 404 has deleted nothing', async () => {
    await connect((_action, reply) => reply.writeHead(404).end('<html><body>Not here</body></html>'));
    for (const end of ['deletePeering', 'rejectPeering'] as const) {
      expect((await failure(port[end](NETWORK, PCX, CONTEXT))).info).toMatchObject({
        category: 'unknown',
        code: 'HTTP404',
      });
    }
  });

  it('an empty answer shows nothing, and no route is removed on its word', async () => {
    const actions = await connect((action, reply) => reply.end(ok(action)));
    expect(await port.observePeerings(NETWORK)).toEqual([]);
    expect(await port.observePeering(NETWORK, PCX)).toBeNull();
    expect((await failure(port.describeNetwork(NETWORK))).info.category).toBe('not_found');
    const route = { routeTableId: 'rtb-1', destination: '172.16.0.0/16', target: PCX };
    await port.removeRoute(NETWORK, route, CONTEXT);
    expect(actions).not.toContain('DeleteRoute');
  });

  it('a refusal that the connection contradicts stays a refusal', async () => {
    const pending =
      `<vpcPeeringConnectionSet><item><vpcPeeringConnectionId>${PCX}</vpcPeeringConnectionId>` +
      `<status><code>pending-acceptance</code></status></item></vpcPeeringConnectionSet>`;
    await connect((action, reply) => {
      if (action.startsWith('Describe')) reply.end(ok(action, pending));
      else reply.writeHead(400).end(refused('InvalidStateTransition', 'Invalid state transition'));
    });
    expect((await failure(port.deletePeering(NETWORK, PCX, CONTEXT))).info).toMatchObject({
      category: 'invalid_state',
      operation: 'DeleteVpcPeeringConnection',
    });
  });

  it('connections are reused, and given back when the port closes', async () => {
    await connect((action, reply) => reply.end(ok(action)));
    // Long enough for the client alone to be the one that closes.
    server.keepAliveTimeout = 120_000;
    let opened = 0;
    server.on('connection', () => opened++);
    for (let call = 0; call < 5; call++) await port.observePeerings(NETWORK);
    expect(opened).toBe(1);
    port.close();
    while ((await connections()) > 0) await new Promise(setImmediate);
  }, 5_000);

  it('temporary credentials that stop midway do not hold up later calls', async () => {
    let visits = 0;
    await connect(
      (action, reply) => {
        if (action !== 'AssumeRole') reply.end(ok(action));
        else if (++visits === 1) reply.writeHead(200).write('<AssumeRoleResponse><AssumeRole');
        else reply.end(issue(TEMPORARY));
      },
      { credentials: ROLE, timeoutMs: 100 },
    );
    const look = () => port.observePeerings(NETWORK);
    expect((await failure(look())).info.category).toBe('transient');
    // The next call may still find the visit that is being given up; the one after it makes a new one.
    expect(await look().catch(look)).toEqual([]);
  });

  it('temporary credentials never show in an error', async () => {
    const repeated = Object.values(TEMPORARY)
      .flatMap((secret) => [secret, encodeURIComponent(secret)])
      .join(' ');
    await connect(
      (action, reply) => {
        if (action === 'AssumeRole') reply.end(issue(TEMPORARY));
        else reply.writeHead(400).end(refused('InvalidParameterValue', `You sent ${repeated}`));
      },
      { credentials: ROLE },
    );
    const error = await failure(port.observePeerings(NETWORK));
    expect(error.info.message).toBe(`You sent ${Array(6).fill('[redacted]').join(' ')}`);
    const everything = inspect(error, { depth: null, showHidden: true });
    for (const secret of [...Object.values(TEMPORARY), KEYS.accessKeyId, KEYS.secretAccessKey]) {
      expect(everything).not.toContain(secret);
    }
  });
});
