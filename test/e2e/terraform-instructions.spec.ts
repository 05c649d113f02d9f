import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { profileOf, SERVED_CLOUDS } from '#domain';
import { requestOf, sampleNetwork, sampleSpec } from '../support/cloud-samples.js';
import { completed, InstructedCustomer } from '../support/instructed-customer.js';
import { startSimulatedAws, type SimulatedAws } from '../support/simulated-aws.js';
import { TerraformFolder } from '../support/terraform-folder.js';

/** Terraform starts the provider, a large program, several times a command. */
const TIMEOUT = 600_000;
const REGION = 'eu-central-1';

/** What the customer has already, around which they put what they are given. */
const PROVIDER = `
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  region                      = "${REGION}"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}
`;

describe('the Terraform texts that AWS customers are given', () => {
  let aws: SimulatedAws;
  let terraform: TerraformFolder;

  beforeAll(async () => {
    aws = await startSimulatedAws();
    aws.simulators.clock.resume();
    terraform = await TerraformFolder.make({
      AWS_ENDPOINT_URL: aws.endpoint,
      AWS_ACCESS_KEY_ID: aws.customer.accessKeyId,
      AWS_SECRET_ACCESS_KEY: aws.customer.secretAccessKey,
      AWS_EC2_METADATA_DISABLED: 'true',
    });
    await terraform.write('provider.tf', PROVIDER);
  });
  afterAll(async () => {
    await aws.close();
    await terraform.remove();
  });

  it(
    'make the request, the routes and the rules, leave nothing to change, and take it all down',
    async () => {
      const customer = await InstructedCustomer.meet(aws, REGION, 'zh');
      const { network, vpcId } = customer;

      await terraform.write(
        'request.tf',
        completed(customer.told('create_peering_request'), 'terraform', {}),
      );
      await terraform.succeed('init');
      await terraform.succeed('apply', '-auto-approve');
      const output = await terraform.succeed('output', '-json', 'peering_request');
      const declared = JSON.parse(output) as Record<string, string>;
      expect(customer.books().peerings).toMatchObject([
        {
          id: declared['connectionId'],
          status: 'pending-acceptance',
          requester: { accountId: aws.customer.accountId, vpcId, region: REGION },
          accepter: { accountId: aws.platform.accountId, vpcId: network.vpcId, region: REGION },
        },
      ]);
      expect(declared).toMatchObject({ accountId: aws.customer.accountId, vpcId });
      expect(await terraform.succeed('plan', '-detailed-exitcode')).toContain('No changes.');

      customer.declare(declared);
      const id = await customer.accept();
      await terraform.write(
        'route.tf',
        completed(customer.told('add_route'), 'terraform', {
          '<your-route-table-id>': customer.routeTableId,
        }),
      );
      await terraform.write(
        'traffic.tf',
        completed(customer.told('allow_traffic'), 'terraform', {
          '<your-security-group-id>': customer.securityGroupId,
          '<port>': '9092',
        }),
      );
      await terraform.succeed('apply', '-auto-approve');
      expect(customer.routes()).toEqual(Object.fromEntries(network.cidrs.map((cidr) => [cidr, id])));
      const rules = customer
        .inboundRules()
        .map(({ protocol, fromPort, toPort, peer, description }) => [
          protocol,
          fromPort,
          toPort,
          peer.cidr,
          description,
        ]);
      expect(rules.sort()).toEqual(
        network.cidrs.map((cidr) => ['tcp', 9092, 9092, cidr, network.deploymentId]),
      );
      expect(await terraform.succeed('plan', '-detailed-exitcode')).toContain('No changes.');

      await terraform.succeed('destroy', '-auto-approve');
      expect(customer.books().peerings.map((peering) => peering.status)).toEqual(['deleted']);
      expect(customer.routes()).toEqual({});
      expect(customer.inboundRules()).toEqual([]);
    },
    TIMEOUT,
  );
});

describe('the Terraform texts that customers of any cloud are given', () => {
  it(
    'are written as Terraform itself would write them',
    async () => {
      const terraform = await TerraformFolder.make({});
      for (const cloud of SERVED_CLOUDS) {
        const network = sampleNetwork(cloud);
        const spec = sampleSpec(cloud);
        const { providerId } = requestOf(spec, network);
        const context = { network, spec, providerId, customerCidrs: [], locale: 'zh' } as const;
        const { instructions } = profileOf(cloud);
        for (const kind of ['createRequest', 'addRoute', 'allowTraffic', 'approve'] as const) {
          const text = instructions[kind](context)?.artifacts.terraform ?? '';
          // Where a number belongs, only a number is well formed.
          await terraform.write(`${cloud}-${kind}.tf`, `${text.replaceAll('<port>', '8883')}\n`);
        }
      }
      expect(await terraform.run('fmt', '-check', '-diff')).toEqual({ exitCode: 0, stdout: '', stderr: '' });
      await terraform.remove();
    },
    TIMEOUT,
  );
});
