import {
  CreateRouteCommand,
  CreateVpcCommand,
  CreateVpcPeeringConnectionCommand,
  DescribeRouteTablesCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';

import type { CloudAccount } from './credentials.js';

/** One side in the simulated AWS, spoken for through the vendor's own SDK, as in the real one. */
export class AwsSide {
  readonly #ec2: EC2Client;

  constructor(
    endpoint: string,
    readonly account: CloudAccount,
    readonly region: string,
  ) {
    const { accessKeyId, secretAccessKey } = account;
    this.#ec2 = new EC2Client({ endpoint, region, credentials: { accessKeyId, secretAccessKey } });
  }

  /** @returns the id of the new VPC */
  async createVpc(cidr: string, name: string): Promise<string> {
    const { Vpc } = await this.#ec2.send(
      new CreateVpcCommand({
        CidrBlock: cidr,
        TagSpecifications: [{ ResourceType: 'vpc', Tags: [{ Key: 'Name', Value: name }] }],
      }),
    );
    return given(Vpc?.VpcId, 'CreateVpc');
  }

  /** Asks another account to peer with one of its VPCs. @returns the id of the request */
  async requestPeering(vpcId: string, peer: { accountId: string; vpcId: string }): Promise<string> {
    const { VpcPeeringConnection } = await this.#ec2.send(
      new CreateVpcPeeringConnectionCommand({
        VpcId: vpcId,
        PeerOwnerId: peer.accountId,
        PeerVpcId: peer.vpcId,
        PeerRegion: this.region,
      }),
    );
    return given(VpcPeeringConnection?.VpcPeeringConnectionId, 'CreateVpcPeeringConnection');
  }

  /** Routes a block through a peering in the main route table of a VPC. @returns the id of the table */
  async addRoute(vpcId: string, destination: string, peeringId: string): Promise<string> {
    const [table] = await this.#routeTables(vpcId);
    const routeTableId = given(table?.RouteTableId, 'DescribeRouteTables');
    await this.#ec2.send(
      new CreateRouteCommand({
        RouteTableId: routeTableId,
        DestinationCidrBlock: destination,
        VpcPeeringConnectionId: peeringId,
      }),
    );
    return routeTableId;
  }

  /** The routes of a VPC that lead through a peering. */
  async routesThrough(
    vpcId: string,
    peeringId: string,
  ): Promise<{ routeTableId: string; destination: string; state: string }[]> {
    const tables = await this.#routeTables(vpcId);
    return tables.flatMap(({ RouteTableId = '', Routes = [] }) =>
      Routes.filter(({ VpcPeeringConnectionId }) => VpcPeeringConnectionId === peeringId).map(
        ({ DestinationCidrBlock = '', State = '' }) => ({
          routeTableId: RouteTableId,
          destination: DestinationCidrBlock,
          state: State,
        }),
      ),
    );
  }

  /** Gives back the sockets. */
  close(): void {
    this.#ec2.destroy();
  }

  async #routeTables(vpcId: string) {
    const { RouteTables = [] } = await this.#ec2.send(
      new DescribeRouteTablesCommand({ Filters: [{ Name: 'vpc-id', Values: [vpcId] }] }),
    );
    return RouteTables;
  }
}

function given(id: string | undefined, operation: string): string {
  if (id === undefined) throw new Error(`${operation} was answered without an id.`);
  return id;
}
