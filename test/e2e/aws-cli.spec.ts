import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Account } from '../../apps/cloud-sim/src/accounts.js';
import { runProgram, type ProgramResult } from '../support/external-program.js';
import { externalTool } from '../support/external-tools.js';
import { startSimulatedAws, type SimulatedAws } from '../support/simulated-aws.js';

const TIMEOUT = 120_000;

describe('the AWS CLI against the simulator', () => {
  let aws: SimulatedAws;
  let folder: string;
  let cli: string;

  beforeAll(async () => {
    aws = await startSimulatedAws();
    aws.simulators.clock.resume();
    folder = await mkdtemp(join(tmpdir(), 'aws-cli-'));
    cli = externalTool('aws');
  });
  afterAll(async () => {
    await aws.close();
    await rm(folder, { recursive: true });
  });

  type Caller = Pick<Account, 'accessKeyId' | 'secretAccessKey'>;

  function run(caller: Caller, region: string, command: string): Promise<ProgramResult> {
    const args = [
      '--endpoint-url',
      aws.endpoint,
      '--region',
      region,
      '--output',
      'json',
      ...command.split(' '),
    ];
    return runProgram(cli, args, {
      cwd: folder,
      environment: {
        AWS_ACCESS_KEY_ID: caller.accessKeyId,
        AWS_SECRET_ACCESS_KEY: caller.secretAccessKey,
        AWS_CONFIG_FILE: join(folder, 'config'),
        AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials'),
        AWS_EC2_METADATA_DISABLED: 'true',
        AWS_MAX_ATTEMPTS: '1',
        AWS_PAGER: '',
      },
    });
  }

  /** Runs a command that must succeed, and returns what `--query` picks from its answer. */
  async function query(
    caller: Caller,
    command: string,
    path: string,
    region = 'us-east-1',
  ): Promise<unknown> {
    const { exitCode, stdout, stderr } = await run(caller, region, `${command} --query ${path}`);
    expect({ command, exitCode, stderr }).toEqual({ command, exitCode: 0, stderr: '' });
    return stdout.trim() === '' ? undefined : JSON.parse(stdout);
  }

  const books = () => aws.simulators.cloud('aws').simulator.books() as Record<string, unknown[]>;

  it(
    'plays both sides of a peering from the request to nothing left',
    async () => {
      const { platform, customer } = aws;
      expect(await query(customer, 'sts get-caller-identity', 'Account')).toBe(customer.accountId);
      const [platformVpc, customerVpc] = await Promise.all([
        query(platform, 'ec2 create-vpc --cidr-block 10.11.0.0/16', 'Vpc.VpcId'),
        query(customer, 'ec2 create-vpc --cidr-block 172.16.0.0/16', 'Vpc.VpcId'),
      ]);
      const request =
        `ec2 create-vpc-peering-connection --vpc-id ${String(customerVpc)} --peer-vpc-id ${String(platformVpc)} ` +
        `--peer-owner-id ${platform.accountId} ` +
        '--tag-specifications ResourceType=vpc-peering-connection,Tags=[{Key=Name,Value=broker}]';
      const id = String(await query(customer, request, 'VpcPeeringConnection.VpcPeeringConnectionId'));
      expect(id).toMatch(/^pcx-[0-9a-f]{17}$/);

      const found = `ec2 describe-vpc-peering-connections --filters Name=accepter-vpc-info.vpc-id,Values=${String(platformVpc)}`;
      const path = 'VpcPeeringConnections[].[Status.Code,RequesterVpcInfo.OwnerId,length(Tags)]';
      expect(await query(platform, found, path)).toEqual([['pending-acceptance', customer.accountId, 0]]);
      const accept = `ec2 accept-vpc-peering-connection --vpc-peering-connection-id ${id}`;
      await query(platform, accept, 'VpcPeeringConnection.Status.Code');
      aws.simulators.clock.advance(5000);
      expect(await query(customer, found, path)).toEqual([['active', customer.accountId, 1]]);

      const tables = `ec2 describe-route-tables --filters Name=vpc-id,Values=${String(customerVpc)}`;
      const table = String(await query(customer, tables, 'RouteTables[0].RouteTableId'));
      const route = `--route-table-id ${table} --destination-cidr-block 10.11.0.0/16`;
      await query(customer, `ec2 create-route ${route} --vpc-peering-connection-id ${id}`, 'Return');
      const state = `RouteTables[].Routes[?VpcPeeringConnectionId=='${id}'].State`;
      expect(await query(customer, tables, state)).toEqual([['active']]);

      const groups = `ec2 describe-security-groups --filters Name=vpc-id,Values=${String(customerVpc)}`;
      const group = String(await query(customer, groups, 'SecurityGroups[0].GroupId'));
      const rule = `--group-id ${group} --protocol tcp --port 1883 --cidr 10.11.0.0/16`;
      await query(customer, `ec2 authorize-security-group-ingress ${rule}`, 'Return');
      const mqtt = 'SecurityGroups[].IpPermissions[?FromPort==`1883`].IpRanges[][].CidrIp';
      expect(await query(customer, groups, mqtt)).toEqual(['10.11.0.0/16']);

      await query(platform, `ec2 delete-vpc-peering-connection --vpc-peering-connection-id ${id}`, 'Return');
      expect(await query(customer, tables, state)).toEqual([['blackhole']]);
      await query(customer, `ec2 delete-route ${route}`, 'Return');
      await query(customer, `ec2 delete-vpc --vpc-id ${String(customerVpc)}`, 'Return');
      await query(platform, `ec2 delete-vpc --vpc-id ${String(platformVpc)}`, 'Return');
      aws.simulators.clock.advance(2 * 24 * 3_600_000);
      const left = await aws.control('GET', '/_sim/aws/books');
      expect(Object.values(left.body).flat()).toEqual([]);
    },
    TIMEOUT,
  );

  it(
    'says why a signature, a key, a parameter or a resource is refused',
    async () => {
      const { customer } = aws;
      const refusals = await Promise.all([
        run({ ...customer, secretAccessKey: 'wrong' }, 'us-east-1', 'ec2 describe-vpcs'),
        run({ ...customer, accessKeyId: 'AKIAUNKNOWN' }, 'us-east-1', 'sts get-caller-identity'),
        run(customer, 'us-east-1', 'ec2 create-vpc --cidr-block 10.0.0.0/8'),
        run(
          customer,
          'us-east-1',
          'ec2 delete-vpc-peering-connection --vpc-peering-connection-id pcx-0123456789abcdef0',
        ),
        run(customer, 'us-east-1', 'ec2 create-vpc --cidr-block 10.0.0.0/16 --dry-run'),
      ]);
      const codes = refusals.map(({ exitCode, stderr }) => [
        exitCode === 0,
        /\(([\w.]+)\)/.exec(stderr)?.[1],
      ]);
      expect(codes).toEqual([
        [false, 'SignatureDoesNotMatch'],
        [false, 'InvalidClientTokenId'],
        [false, 'InvalidVpc.Range'],
        [false, 'InvalidVpcPeeringConnectionID.NotFound'],
        [false, 'DryRunOperation'],
      ]);
      expect(books()['vpcs']).toEqual([]);
    },
    TIMEOUT,
  );

  it(
    'pages by itself through more than one answer, in a region of China',
    async () => {
      const { customer } = aws;
      const seed = {
        accountId: customer.accountId,
        region: 'cn-north-1',
        count: 12,
        from: '10.0.0.0/8',
        prefixLength: 24,
      };
      await aws.control('POST', '/_sim/aws/seed-vpcs', seed);
      const count = await query(customer, 'ec2 describe-vpcs --page-size 5', 'length(Vpcs)', 'cn-north-1');
      expect(count).toBe(12);
      const calls = await aws.control('GET', '/_sim/aws/calls?operation=DescribeVpcs');
      const inChina = (calls.body['calls'] as { region: string }[]).filter(
        (call) => call.region === 'cn-north-1',
      );
      expect(inChina).toHaveLength(3);
    },
    TIMEOUT,
  );
});
