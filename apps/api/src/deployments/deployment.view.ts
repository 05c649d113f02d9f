/** A deployment as the API shows it. */
import { CLOUD_IDS } from '#domain';

import { NULLABLE, Shows, ShowsId, ShowsNumber, ShowsText, ShowsTime } from '../http/view-fields.js';

export class VpcView {
  @ShowsText('The VPC (or Net) of the deployment, owned by the platform.', 'vpc-0a1b2c3d4e5f60718')
  id: string;

  @Shows('Its blocks: the destinations of your routes.', {
    type: 'string',
    isArray: true,
    example: ['10.11.0.0/16'],
  })
  cidrs: readonly string[];

  @ShowsTime('When this was last compared with the cloud; null before the first time.', NULLABLE)
  checkedAt: string | null;

  @ShowsText(
    'What that comparison found wrong; null for nothing.',
    'The cloud reports 10.12.0.0/16.',
    NULLABLE,
  )
  problem: string | null;
}

export class PlatformView {
  @ShowsText("The platform's account number in the cloud.", '123456789012')
  accountId: string;
}

export class DeploymentView {
  @ShowsId('The deployment.', 'dep')
  id: string;

  @ShowsText('Its name.', 'production')
  name: string;

  @Shows('Where it runs.', { type: 'string', enum: [...CLOUD_IDS], example: 'aws' })
  cloud: string;

  @ShowsText('The region.', 'eu-central-1')
  region: string;

  @ShowsText('The edition; peering needs `dedicated_professional`.', 'dedicated_professional')
  edition: string;

  @Shows('Whether it can be connected.', {
    type: 'string',
    enum: ['creating', 'active', 'stopped'],
    example: 'active',
  })
  status: string;

  @ShowsId('The project that it belongs to.', 'prj')
  projectId: string;

  @Shows('The network of the deployment.', { type: VpcView })
  vpc: VpcView;

  @Shows("The platform's side.", { type: PlatformView })
  platform: PlatformView;

  @ShowsTime('When it was created.')
  createdAt: string;

  @ShowsTime('When it was last changed.')
  updatedAt: string;
}

export class DeploymentPageView {
  @Shows('Newest first.', { type: DeploymentView, isArray: true })
  items: readonly DeploymentView[];

  @ShowsText('Pass it as `cursor` for the next page; null on the last.', 'c2FtcGxlIGRlcF8w', NULLABLE)
  nextCursor: string | null;
}

export class OfferPlatformView extends PlatformView {
  @ShowsText('What you address your request to, or what asks to join yours.', 'vpc-0a1b2c3d4e5f60718')
  vpcId: string;

  @Shows('The destinations of your routes.', { type: 'string', isArray: true, example: ['10.11.0.0/16'] })
  cidrs: readonly string[];
}

export class AddressRangeView {
  @ShowsText('First address.', '10.10.0.0')
  from: string;

  @ShowsText('Last address, included.', '10.64.255.255')
  to: string;
}

export class OfferView {
  @Shows('The cloud of both sides.', { type: 'string', enum: [...CLOUD_IDS], example: 'aws' })
  cloud: string;

  @ShowsText('The region of both sides.', 'eu-central-1')
  region: string;

  @Shows('Who creates the request: you, or the platform.', {
    type: 'string',
    enum: ['customer', 'platform'],
    example: 'customer',
  })
  initiator: string;

  @Shows("The platform's side, to type into your request.", { type: OfferPlatformView })
  platform: OfferPlatformView;

  @ShowsNumber('Seconds that you have to approve, where the platform asks.', 600, { required: false })
  approvalWindowSeconds?: number;

  @Shows('What you give back as `spec`, as JSON Schema.', {
    type: 'object',
    additionalProperties: true,
    example: { type: 'object', properties: { cloud: { type: 'object' } } },
  })
  fields: object;

  @Shows('Addresses that your networks may not touch.', { type: AddressRangeView, isArray: true })
  reservedRanges: readonly AddressRangeView[];

  @Shows('What to do, step by step.', {
    type: 'string',
    isArray: true,
    example: ['In the VPC console of eu-central-1, choose Peering connections > Create peering connection.'],
  })
  steps: readonly string[];

  @Shows('The same, ready to paste.', {
    type: 'object',
    additionalProperties: { type: 'string' },
    example: { cli: 'aws ec2 create-vpc-peering-connection …' },
  })
  artifacts: Readonly<Record<string, string>>;
}

export class CidrSuggestionsView {
  @ShowsNumber('The prefix length that was asked for.', 16)
  prefix: number;

  @Shows('Private blocks that are free around this deployment.', {
    type: 'string',
    isArray: true,
    example: ['172.16.0.0/16', '172.17.0.0/16'],
  })
  items: readonly string[];
}
