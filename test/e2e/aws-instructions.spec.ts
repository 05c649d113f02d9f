import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { offerInstructions, placeholdersIn, profileOf, type Locale } from '#domain';
import { runProgram, type ProgramResult } from '../support/external-program.js';
import { externalTool } from '../support/external-tools.js';
import { completed, InstructedCustomer } from '../support/instructed-customer.js';
import { startSimulatedAws, type SimulatedAws } from '../support/simulated-aws.js';

/** The AWS CLI takes seconds to start on a busy machine. */
const TIMEOUT = 300_000;

describe('the AWS CLI texts that customers are given', () => {
  let aws: SimulatedAws;
  let folder: string;

  beforeAll(async () => {
    aws = await startSimulatedAws();
    aws.simulators.clock.resume();
    folder = await mkdtemp(join(tmpdir(), 'aws-instructions-'));
    externalTool('aws');
  });
  afterAll(async () => {
    await aws.close();
    await rm(folder, { recursive: true });
  });

  /**
   * Runs a text as somebody does who pastes it. It says itself where: no region is configured. The endpoint is given by a
   * function, since older versions of the CLI know no variable for it.
   */
  function paste(text: string): Promise<ProgramResult> {
    const script = `aws() { command aws --endpoint-url ${aws.endpoint} "$@"; }\n${text}`;
    return runProgram('bash', ['--norc', '-e', '-u', '-o', 'pipefail', '-c', script], {
      cwd: folder,
      environment: {
        AWS_ACCESS_KEY_ID: aws.customer.accessKeyId,
        AWS_SECRET_ACCESS_KEY: aws.customer.secretAccessKey,
        AWS_CONFIG_FILE: join(folder, 'config'),
        AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials'),
        AWS_EC2_METADATA_DISABLED: 'true',
        AWS_MAX_ATTEMPTS: '1',
        AWS_PAGER: '',
      },
    });
  }

  async function run(text: string): Promise<string> {
    const { exitCode, stdout, stderr } = await paste(text);
    expect({ text, exitCode, stderr }).toEqual({ text, exitCode: 0, stderr: '' });
    return stdout;
  }

  it.each<[string, Locale]>([
    ['eu-central-1', 'en'],
    ['cn-north-1', 'zh'],
  ])(
    'make the request, the routes and the rules in %s',
    async (region, locale) => {
      const customer = await InstructedCustomer.meet(aws, region, locale);
      const { network, vpcId } = customer;

      const printed = await run(completed(customer.told('create_peering_request'), 'cli', {}));
      const declared = JSON.parse(printed) as Record<string, string>;
      const peering = customer.books().peerings.find(({ id }) => id === declared['connectionId']);
      expect(peering).toMatchObject({
        status: 'pending-acceptance',
        requester: { accountId: aws.customer.accountId, vpcId, region },
        accepter: { accountId: aws.platform.accountId, vpcId: network.vpcId, region },
      });
      expect(declared).toEqual({
        connectionId: peering!.id,
        accountId: aws.customer.accountId,
        vpcId,
      });
      expect(customer.books().tags).toContainEqual(
        expect.objectContaining({
          accountId: aws.customer.accountId,
          resourceId: peering!.id,
          key: 'Name',
          value: network.deploymentId,
        }),
      );

      customer.declare(declared);
      const id = await customer.accept();
      await run(
        completed(customer.told('add_route'), 'cli', { '<your-route-table-id>': customer.routeTableId }),
      );
      expect(customer.routes()).toEqual(Object.fromEntries(network.cidrs.map((cidr) => [cidr, id])));

      const traffic = customer.told('allow_traffic');
      await run(
        completed(traffic, 'cli', {
          '<your-security-group-id>': customer.securityGroupId,
          '<port>': '9092',
        }),
      );
      expect(customer.inboundRules()).toEqual(
        network.cidrs.map((cidr): unknown =>
          expect.objectContaining({
            protocol: 'tcp',
            fromPort: 9092,
            toPort: 9092,
            peer: { kind: 'ipv4', cidr },
            description: network.deploymentId,
          }),
        ),
      );

      const optional = traffic.steps.map((step) => /aws ec2 modify-vpc-peering.*$/.exec(step)?.[0]);
      await run(optional.find((command) => command !== undefined)!);
      const [made] = customer.books().peerings.filter((each) => each.id === id);
      expect(made).toMatchObject({
        status: 'active',
        requester: { allowDnsResolutionFromRemoteVpc: true },
        accepter: { allowDnsResolutionFromRemoteVpc: false },
      });
    },
    TIMEOUT,
  );

  it(
    'change nothing while a placeholder is left in them',
    async () => {
      const customer = await InstructedCustomer.meet(aws, 'us-east-1', 'en');
      const offer = offerInstructions(customer.network, profileOf('aws'), 'en');
      customer.declare({
        connectionId: 'pcx-0123456789abcdef0',
        accountId: aws.customer.accountId,
        vpcId: customer.vpcId,
      });
      customer.beConnected();
      const before = customer.books();
      const files = await readdir(folder);
      for (const { artifacts } of [offer, customer.told('add_route'), customer.told('allow_traffic')]) {
        const open = placeholdersIn(artifacts.cli!);
        expect(open).not.toEqual([]);
        const { exitCode, stderr } = await paste(artifacts.cli!);
        expect({ ran: exitCode === 0, stderr }).toEqual({
          ran: false,
          stderr: expect.stringContaining(open[0]!.slice(1, -1)),
        });
      }
      expect(customer.books()).toEqual(before);
      expect(await readdir(folder)).toEqual(files);
    },
    TIMEOUT,
  );
});
