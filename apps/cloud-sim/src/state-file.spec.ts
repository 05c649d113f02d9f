import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  AcceptVpcPeeringConnectionCommand,
  CreateVpcCommand,
  CreateVpcPeeringConnectionCommand,
  DeleteVpcPeeringConnectionCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { startSimulators, type Simulators } from './simulator.js';

const DAY = 86_400_000;

describe('the state file', () => {
  let folder: string;
  let stateFile: string;
  const started: Simulators[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'simulators-'));
    stateFile = join(folder, 'inside', 'simulators.bin');
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((simulators) => simulators.close()));
    await rm(folder, { recursive: true });
  });

  async function start(): Promise<Simulators> {
    const simulators = await startSimulators({ clouds: ['aws'], stateFile });
    started.push(simulators);
    return simulators;
  }

  function clientOf(simulators: Simulators, role: 'platform' | 'customer'): EC2Client {
    return new EC2Client({
      region: 'us-east-1',
      endpoint: simulators.endpoints.aws,
      credentials: simulators.account('aws', role),
      maxAttempts: 1,
    });
  }

  async function peer(simulators: Simulators): Promise<string> {
    const [platform, customer] = [clientOf(simulators, 'platform'), clientOf(simulators, 'customer')];
    const accepter = await platform.send(new CreateVpcCommand({ CidrBlock: '10.11.0.0/16' }));
    const requester = await customer.send(new CreateVpcCommand({ CidrBlock: '172.16.0.0/16' }));
    const request = await customer.send(
      new CreateVpcPeeringConnectionCommand({
        VpcId: requester.Vpc!.VpcId!,
        PeerVpcId: accepter.Vpc!.VpcId!,
        PeerOwnerId: simulators.account('aws', 'platform').accountId,
      }),
    );
    const VpcPeeringConnectionId = request.VpcPeeringConnection!.VpcPeeringConnectionId!;
    await platform.send(new AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId }));
    return VpcPeeringConnectionId;
  }

  const booksOf = (simulators: Simulators): unknown => simulators.cloud('aws').simulator.books();

  it('holds every change by the time that its call is answered, so that a killed process forgets nothing', async () => {
    const first = await start();
    await peer(first);
    // Not closed: the second reads what the first left while it was alive.
    const second = await start();
    expect(booksOf(second)).toEqual(booksOf(first));
  });

  it('holds accounts, keys, permissions and a moved clock', async () => {
    const first = await start();
    const account = first.putAccount('aws', { name: 'other' });
    const { accounts } = first.cloud('aws').simulator;
    accounts.setDenied(account.accountId, 'CreateVpc', true);
    first.clock.advance(DAY);
    await first.close();
    const second = await start();
    const again = second.cloud('aws').simulator.accounts;
    expect(again.list()).toEqual(accounts.list());
    expect(again.isDenied(account.accountId, 'CreateVpc')).toBe(true);
    expect(second.clock.now() - Date.now()).toBeGreaterThan(DAY - 1000);
  });

  it('takes up what was planned: a deleted peering is forgotten in its time', async () => {
    const first = await start();
    const VpcPeeringConnectionId = await peer(first);
    await clientOf(first, 'customer').send(new DeleteVpcPeeringConnectionCommand({ VpcPeeringConnectionId }));
    await first.close();
    const second = await start();
    expect(booksOf(second)).toMatchObject({ peerings: [{ id: VpcPeeringConnectionId }] });
    second.clock.advance(3 * DAY);
    second.cloud('aws').simulator.store.agenda.runDue();
    expect(booksOf(second)).toMatchObject({ peerings: [] });
  });

  it('is empty again after a reset', async () => {
    const first = await start();
    await peer(first);
    first.reset();
    await first.close();
    expect(booksOf(await start())).toMatchObject({ peerings: [], vpcs: [] });
  });

  it('is refused in one sentence when it is damaged', async () => {
    stateFile = join(folder, 'simulators.bin');
    await writeFile(stateFile, 'not a state');
    await expect(start()).rejects.toThrow(`${stateFile} is damaged or of another release: remove the file`);
  });
});
