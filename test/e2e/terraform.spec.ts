import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startSimulatedAws, type SimulatedAws } from '../support/simulated-aws.js';
import { TerraformFolder } from '../support/terraform-folder.js';

/** Terraform starts the provider, a large program, several times a command. */
const TIMEOUT = 600_000;

/** What a customer who keeps their network in Terraform writes, with the platform's side beside it. */
const CONFIGURATION = `
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "endpoint" {}
variable "customer" { type = object({ access_key = string, secret_key = string }) }
variable "platform" { type = object({ access_key = string, secret_key = string }) }

provider "aws" {
  region     = "us-east-1"
  access_key = var.customer.access_key
  secret_key = var.customer.secret_key

  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true

  endpoints {
    ec2 = var.endpoint
    sts = var.endpoint
  }
}

provider "aws" {
  alias      = "platform"
  region     = "us-east-1"
  access_key = var.platform.access_key
  secret_key = var.platform.secret_key

  endpoints {
    ec2 = var.endpoint
    sts = var.endpoint
  }
}

data "aws_caller_identity" "platform" {
  provider = aws.platform
}

resource "aws_vpc" "customer" {
  cidr_block = "172.16.0.0/16"
  tags       = { Name = "customer" }
}

resource "aws_vpc" "platform" {
  provider   = aws.platform
  cidr_block = "10.11.0.0/16"
}

resource "aws_subnet" "customer" {
  vpc_id     = aws_vpc.customer.id
  cidr_block = "172.16.1.0/24"
}

resource "aws_vpc_peering_connection" "this" {
  vpc_id        = aws_vpc.customer.id
  peer_vpc_id   = aws_vpc.platform.id
  peer_owner_id = data.aws_caller_identity.platform.account_id
  tags          = { Side = "requester" }
}

resource "aws_vpc_peering_connection_accepter" "this" {
  provider                  = aws.platform
  vpc_peering_connection_id = aws_vpc_peering_connection.this.id
  auto_accept               = true
  tags                      = { Side = "accepter" }
}

resource "aws_route_table" "customer" {
  vpc_id = aws_vpc.customer.id
}

resource "aws_route_table_association" "customer" {
  subnet_id      = aws_subnet.customer.id
  route_table_id = aws_route_table.customer.id
}

resource "aws_route" "customer" {
  route_table_id            = aws_route_table.customer.id
  destination_cidr_block    = aws_vpc.platform.cidr_block
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.this.id
}

resource "aws_route" "platform" {
  provider                  = aws.platform
  route_table_id            = aws_vpc.platform.main_route_table_id
  destination_cidr_block    = aws_vpc.customer.cidr_block
  vpc_peering_connection_id = aws_vpc_peering_connection_accepter.this.id
}

resource "aws_security_group" "mqtt" {
  name   = "mqtt"
  vpc_id = aws_vpc.customer.id
}

resource "aws_security_group_rule" "mqtt" {
  type              = "ingress"
  security_group_id = aws_security_group.mqtt.id
  protocol          = "tcp"
  from_port         = 1883
  to_port           = 1883
  cidr_blocks       = [aws_vpc.platform.cidr_block]
}

resource "aws_vpc_security_group_ingress_rule" "mqtts" {
  security_group_id = aws_security_group.mqtt.id
  ip_protocol       = "tcp"
  from_port         = 8883
  to_port           = 8883
  cidr_ipv4         = aws_vpc.platform.cidr_block
}
`;

interface Books {
  readonly vpcs: unknown[];
  readonly peerings: { readonly id: string; readonly status: string }[];
  readonly routeTables: { readonly routes: { readonly destination: string; readonly peeringId: string }[] }[];
  readonly securityGroupRules: { readonly fromPort?: number }[];
  readonly tags: { readonly accountId: string; readonly resourceId: string; readonly value: string }[];
}

describe("HashiCorp's AWS provider against the simulator", () => {
  let aws: SimulatedAws;
  let terraform: TerraformFolder;

  beforeAll(async () => {
    aws = await startSimulatedAws();
    aws.simulators.clock.resume();
    const keys = (account: SimulatedAws['customer']) =>
      JSON.stringify({ access_key: account.accessKeyId, secret_key: account.secretAccessKey });
    terraform = await TerraformFolder.make({
      TF_VAR_endpoint: aws.endpoint,
      TF_VAR_customer: keys(aws.customer),
      TF_VAR_platform: keys(aws.platform),
      AWS_EC2_METADATA_DISABLED: 'true',
    });
    await terraform.write('main.tf', CONFIGURATION);
  });
  afterAll(async () => {
    await aws.close();
    await terraform.remove();
  });

  const books = async () => (await aws.control('GET', '/_sim/aws/books')).body as unknown as Books;

  it(
    'makes both sides of a peering, finds nothing to change, and takes it all down',
    async () => {
      await terraform.succeed('init');
      await terraform.succeed('apply', '-auto-approve');

      const made = await books();
      expect(made.peerings.map((peering) => peering.status)).toEqual(['active']);
      const peeringId = made.peerings[0]!.id;
      expect(made.routeTables.flatMap((table) => table.routes)).toEqual(
        expect.arrayContaining([
          { destination: '10.11.0.0/16', peeringId },
          { destination: '172.16.0.0/16', peeringId },
        ]),
      );
      expect(made.securityGroupRules.map((rule) => rule.fromPort)).toEqual(
        expect.arrayContaining([1883, 8883]),
      );
      const tags = made.tags
        .filter((tag) => tag.resourceId === peeringId)
        .map((tag) => [tag.accountId, tag.value]);
      expect(tags).toEqual([
        [aws.customer.accountId, 'requester'],
        [aws.platform.accountId, 'accepter'],
      ]);

      expect(await terraform.succeed('plan', '-detailed-exitcode')).toContain('No changes.');

      await terraform.succeed('destroy', '-auto-approve');
      expect((await books()).peerings.map((peering) => peering.status)).toEqual(['deleted']);
      aws.simulators.clock.advance(2 * 24 * 3_600_000);
      expect(Object.values(await books()).flat()).toEqual([]);
    },
    TIMEOUT,
  );
});
