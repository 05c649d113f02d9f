/**
 * From the submission of a request to `running`, with every call of the cloud taking 100 ms: ours through the API, the
 * queue and a worker, against the calls that cannot be avoided, made one after the other by the vendor's SDK.
 */
import {
  AcceptVpcPeeringConnectionCommand,
  CreateRouteCommand,
  CreateVpcCommand,
  CreateVpcPeeringConnectionCommand,
  DescribeRouteTablesCommand,
  DescribeVpcPeeringConnectionsCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { CredentialCipher } from '#runtime';

import type { Simulators } from '../apps/cloud-sim/src/running-simulators.js';
import { startSimulators } from '../apps/cloud-sim/src/simulator.js';
import { seedTenant, startBenchDatabase, type BenchTenant } from './bench-database.js';
import { startProgram } from './child-process.js';
import { freePort, newEncryptionKeys, UNPACED } from './environment.js';
import { median, type Measurement } from './report.js';

const REGION = 'eu-west-1';
const ROUNDS = 7;
const CALL_MS = 100;

interface Request {
  readonly connectionId: string;
  readonly accountId: string;
  readonly vpcId: string;
  readonly cidr: string;
}

/** Both sides of the simulated cloud. */
interface Stage {
  readonly simulators: Simulators;
  readonly platform: EC2Client;
  readonly customer: EC2Client;
  readonly platformVpcId: string;
}

export async function benchTimeToRunning(): Promise<Measurement[]> {
  const simulators = await startSimulators({ ports: 'ephemeral', clouds: ['aws'] });
  const database = await startBenchDatabase();
  const programs: { stop(): Promise<void> }[] = [];
  try {
    const stage = await setStage(simulators);
    const keys = newEncryptionKeys();
    const account = simulators.account('aws', 'platform');
    const endpoint = simulators.endpoints.aws;
    const tenant = await seedTenant(
      database.url,
      CredentialCipher.fromKeys(keys),
      {
        cloud: 'aws',
        accountId: account.accountId,
        accessKeyId: account.accessKeyId,
        secretAccessKey: account.secretAccessKey,
        endpoints: { ec2: endpoint, sts: endpoint },
      },
      REGION,
      [{ id: stage.platformVpcId, cidr: '10.11.0.0/16' }],
    );
    const [apiPort, workerPort] = [await freePort(), await freePort()];
    const environment = {
      DATABASE_URL: database.url,
      ENCRYPTION_KEYS: keys,
      HOST: '127.0.0.1',
      API_PORT: String(apiPort),
      WORKER_PORT: String(workerPort),
      LOG_LEVEL: 'error',
      ...UNPACED,
    };
    const api = `http://127.0.0.1:${apiPort}`;
    programs.push(await startProgram('apps/api/src/main.js', environment, `${api}/readyz`));
    programs.push(
      await startProgram('apps/worker/src/main.js', environment, `http://127.0.0.1:${workerPort}/healthz`),
    );
    const ours: number[] = [];
    const floor: number[] = [];
    for (let round = 0; round <= ROUNDS; round += 1) {
      const [first, second] = [await ask(stage, 2 * round), await ask(stage, 2 * round + 1)];
      simulators.faults.add({ kind: 'latency', ms: CALL_MS });
      const oursMs = await elapsed(() => throughBroker(api, tenant, first));
      const floorMs = await elapsed(() => byHand(stage, second));
      simulators.faults.clear();
      // The first round opens connections and warms both up.
      if (round > 0) {
        ours.push(oursMs);
        floor.push(floorMs);
      }
    }
    const [oursMs, floorMs] = [median(ours), median(floor)];
    const ratio = oursMs / floorMs;
    return [
      {
        name: 'submission to running, 100 ms a call',
        ours: `${oursMs.toFixed(0)} ms`,
        floor: `${floorMs.toFixed(0)} ms`,
        ratio,
        aim: { text: '<= 1.3', met: ratio <= 1.3 },
      },
    ];
  } finally {
    for (const program of programs.reverse()) await program.stop();
    await database.stop();
    await simulators.close();
  }
}

async function setStage(simulators: Simulators): Promise<Stage> {
  // An accepted connection is active at once: what the cloud takes to set it up is nobody's merit.
  const settings = await fetch(`${simulators.controlUrl}/_sim/aws/settings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ peeringProvisioningSeconds: 0, peeringInitiatingSeconds: 0 }),
  });
  if (!settings.ok) throw new Error(`The simulator refused its settings: ${await settings.text()}`);
  const client = (role: 'platform' | 'customer'): EC2Client => {
    const { accessKeyId, secretAccessKey } = simulators.account('aws', role);
    return new EC2Client({
      region: REGION,
      endpoint: simulators.endpoints.aws,
      credentials: { accessKeyId, secretAccessKey },
    });
  };
  const platform = client('platform');
  const { Vpc } = await platform.send(new CreateVpcCommand({ CidrBlock: '10.11.0.0/16' }));
  return { simulators, platform, customer: client('customer'), platformVpcId: Vpc?.VpcId ?? '' };
}

/** The customer asks, with a VPC of their own each time. */
async function ask({ customer, simulators, platformVpcId }: Stage, nth: number): Promise<Request> {
  const cidr = `172.${16 + nth}.0.0/16`;
  const { Vpc } = await customer.send(new CreateVpcCommand({ CidrBlock: cidr }));
  const vpcId = Vpc?.VpcId ?? '';
  const { VpcPeeringConnection } = await customer.send(
    new CreateVpcPeeringConnectionCommand({
      VpcId: vpcId,
      PeerVpcId: platformVpcId,
      PeerOwnerId: simulators.account('aws', 'platform').accountId,
    }),
  );
  return {
    connectionId: VpcPeeringConnection?.VpcPeeringConnectionId ?? '',
    accountId: simulators.account('aws', 'customer').accountId,
    vpcId,
    cidr,
  };
}

async function throughBroker(api: string, tenant: BenchTenant, request: Request): Promise<void> {
  const headers = { authorization: tenant.authorization, 'content-type': 'application/json' };
  const { connectionId, accountId, vpcId } = request;
  const posted = await fetch(`${api}/v1/deployments/${tenant.deploymentIds[0] ?? ''}/peerings`, {
    method: 'POST',
    headers,
    body: JSON.stringify({
      displayName: vpcId,
      spec: { cloud: { kind: 'aws', connectionId, accountId, vpcId } },
    }),
  });
  if (posted.status !== 202) throw new Error(`The API answered ${posted.status}: ${await posted.text()}`);
  const { id } = (await posted.json()) as { id: string };
  const waited = await fetch(`${api}/v1/peerings/${id}?wait=running,failed&timeout=30s`, { headers });
  const { status } = (await waited.json()) as { status: { state: string; reason: { message: string } } };
  if (status.state !== 'running') throw new Error(`It is ${status.state}: ${status.reason.message}`);
}

/** What nobody can do without: see the request, accept it, see its blocks, see the routes, add one. */
async function byHand({ platform, platformVpcId }: Stage, { connectionId, cidr }: Request): Promise<void> {
  const describe = new DescribeVpcPeeringConnectionsCommand({ VpcPeeringConnectionIds: [connectionId] });
  await platform.send(describe);
  await platform.send(new AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId: connectionId }));
  await platform.send(describe);
  const { RouteTables } = await platform.send(
    new DescribeRouteTablesCommand({ Filters: [{ Name: 'vpc-id', Values: [platformVpcId] }] }),
  );
  await platform.send(
    new CreateRouteCommand({
      RouteTableId: RouteTables?.[0]?.RouteTableId,
      DestinationCidrBlock: cidr,
      VpcPeeringConnectionId: connectionId,
    }),
  );
}

async function elapsed(work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
