import { randomUUID } from 'node:crypto';
import {
  AcceptVpcPeeringConnectionCommand,
  AssociateVpcCidrBlockCommand,
  CreateVpcCommand,
  DescribeRouteTablesCommand,
  DescribeSecurityGroupsCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import {
  nextActions,
  placeholdersIn,
  profileOf,
  startAttempt,
  type CloudSpec,
  type Locale,
  type NextAction,
  type NextActionCode,
  type PeeringConnection,
  type PeeringStatus,
  type PlatformNetwork,
} from '#domain';
import type { SimulatedAws } from './simulated-aws.js';

const profile = profileOf('aws');
const CUSTOMER_CIDR = '172.16.0.0/16';
const PLATFORM_CIDRS = ['10.11.0.0/16', '10.12.0.0/16'] as const;

/** What the AWS books say of one side's networks. */
export interface AwsBooks {
  readonly peerings: readonly {
    readonly id: string;
    readonly status: string;
    readonly requester: {
      readonly accountId: string;
      readonly region: string;
      readonly vpcId: string;
      readonly allowDnsResolutionFromRemoteVpc: boolean;
    };
    readonly accepter: { readonly accountId: string; readonly region: string; readonly vpcId: string };
  }[];
  readonly routeTables: readonly {
    readonly id: string;
    readonly routes: readonly { readonly destination: string; readonly peeringId: string }[];
  }[];
  readonly securityGroupRules: readonly {
    readonly groupId: string;
    readonly egress: boolean;
    readonly protocol: string;
    readonly fromPort?: number;
    readonly toPort?: number;
    readonly peer: { readonly cidr?: string };
    readonly description?: string;
  }[];
  readonly tags: readonly {
    readonly accountId: string;
    readonly resourceId: string;
    readonly key: string;
    readonly value: string;
  }[];
}

/** A customer on a simulated AWS who does what they are told to, with a VPC in a deployment's region. */
export class InstructedCustomer {
  #cloud: CloudSpec;
  #status: PeeringStatus;

  private constructor(
    private readonly aws: SimulatedAws,
    private readonly platform: EC2Client,
    readonly network: PlatformNetwork,
    readonly vpcId: string,
    readonly routeTableId: string,
    readonly securityGroupId: string,
    private readonly locale: Locale,
  ) {
    this.#cloud = { kind: 'aws', vpcId };
    this.#status = startAttempt(profile, { cloud: this.#cloud, cidrs: [] }, aws.simulators.clock.now());
  }

  /** Makes a deployment's VPC with two blocks, and the customer's VPC, whose id is all that they have declared so far. */
  static async meet(aws: SimulatedAws, region: string, locale: Locale): Promise<InstructedCustomer> {
    const platform = aws.ec2(aws.platform, { region });
    const customer = aws.ec2(aws.customer, { region });
    const [cidr, ...others] = PLATFORM_CIDRS;
    const { Vpc: theirs } = await platform.send(new CreateVpcCommand({ CidrBlock: cidr }));
    for (const CidrBlock of others) {
      await platform.send(new AssociateVpcCidrBlockCommand({ VpcId: theirs!.VpcId!, CidrBlock }));
    }
    const { Vpc: own } = await customer.send(new CreateVpcCommand({ CidrBlock: CUSTOMER_CIDR }));
    const Filters = [{ Name: 'vpc-id', Values: [own!.VpcId!] }];
    const tables = await customer.send(new DescribeRouteTablesCommand({ Filters }));
    const groups = await customer.send(new DescribeSecurityGroupsCommand({ Filters }));
    const network: PlatformNetwork = {
      deploymentId: `dep_${randomUUID().replaceAll('-', '')}`,
      cloud: 'aws',
      region,
      accountId: aws.platform.accountId,
      vpcId: theirs!.VpcId!,
      cidrs: PLATFORM_CIDRS,
      routeTableIds: null,
      driftPolicy: 'repair',
    };
    const tableId = tables.RouteTables![0]!.RouteTableId!;
    const groupId = groups.SecurityGroups![0]!.GroupId!;
    return new InstructedCustomer(aws, platform, network, own!.VpcId!, tableId, groupId, locale);
  }

  /** What the customer is told to do next, in their language. @throws Error when it is not among it */
  told(code: NextActionCode): NextAction {
    const connection: PeeringConnection = {
      id: 'peer_1',
      tenantId: 'ten_1',
      deploymentId: this.network.deploymentId,
      cloud: 'aws',
      createdAt: this.#status.stateSince,
      desired: 'present',
      spec: { cloud: this.#cloud, cidrs: [] },
      locked: false,
      status: this.#status,
    };
    const actions = nextActions(connection, this.network, profile, this.locale);
    const action = actions.find((each) => each.code === code);
    if (action === undefined) throw new Error(`Nobody is told to ${code}.`);
    return action;
  }

  /** Completes the connection with what the customer's tool printed: the values of the connection's own fields. */
  declare(printed: Readonly<Record<string, string>>): void {
    this.#cloud = { kind: 'aws', ...printed };
    this.#status = startAttempt(profile, { cloud: this.#cloud, cidrs: [] }, this.aws.simulators.clock.now());
  }

  /** The platform accepts the declared request; `running` from then on. Resolves with the request's id. */
  async accept(): Promise<string> {
    const id = this.#cloud['connectionId']!;
    await this.platform.send(new AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId: id }));
    this.aws.simulators.clock.advance(60_000);
    this.beConnected();
    return id;
  }

  /** The connection counts as running, whatever the cloud says. */
  beConnected(): void {
    const since = this.aws.simulators.clock.now();
    const reason = { code: 'ready', params: { cidrs: CUSTOMER_CIDR }, since } as const;
    this.#status = { ...this.#status, state: 'running', reason };
  }

  books(): AwsBooks {
    return this.aws.simulators.cloud('aws').simulator.books() as unknown as AwsBooks;
  }

  /** The routes that the customer's route table holds, by destination. */
  routes(): Readonly<Record<string, string>> {
    const { routes } = this.books().routeTables.find((table) => table.id === this.routeTableId)!;
    return Object.fromEntries(routes.map((route) => [route.destination, route.peeringId]));
  }

  /** The inbound rules of the customer's security group that let in CIDR blocks. */
  inboundRules(): AwsBooks['securityGroupRules'] {
    return this.books().securityGroupRules.filter(
      (rule) => rule.groupId === this.securityGroupId && !rule.egress && rule.peer.cidr !== undefined,
    );
  }
}

/**
 * A text with its placeholders replaced. Exactly these placeholders must remain in it, each explained in the steps.
 * @throws Error naming what remains without a value, is not there, or is not explained
 */
export function completed(
  action: NextAction,
  artifact: 'cli' | 'terraform',
  values: Readonly<Record<string, string>>,
): string {
  const text = action.artifacts[artifact] ?? '';
  const open = placeholdersIn(text);
  const odd = [
    ...open.filter((placeholder) => values[placeholder] === undefined),
    ...Object.keys(values).filter((placeholder) => !open.includes(placeholder)),
    ...open.filter((placeholder) => !action.steps.some((step) => step.includes(`${placeholder}: `))),
  ];
  if (odd.length > 0) throw new Error(`${action.code}: ${odd.join(', ')}: not as documented in\n${text}`);
  return open.reduce((filled, each) => filled.replaceAll(each, values[each]!), text);
}
