/** A connection as the API shows it. Times are ISO 8601 in UTC. */
import type { ApiPropertyOptions } from '@nestjs/swagger';

import {
  CLOUD_IDS,
  PEERING_STATES,
  profileOf,
  REASONS,
  type ConditionType,
  type NextActionCode,
} from '#domain';

import { NULLABLE, Shows, ShowsId, ShowsNumber, ShowsText, ShowsTime } from '../http/view-fields.js';
import { cloudSchemas, exampleCloudSpec } from './cloud-spec-schema.js';

export class SpecView {
  @Shows('What you declared of your side, by cloud.', {
    type: 'object',
    anyOf: cloudSchemas('draft'),
    example: exampleCloudSpec(profileOf('aws')),
  } as ApiPropertyOptions)
  cloud: Readonly<Record<string, string>>;

  @Shows('The blocks that you declared, in canonical form.', {
    type: 'string',
    isArray: true,
    example: ['172.16.0.0/16'],
  })
  cidrs: readonly string[];
}

export class ReasonView {
  @Shows('Why the connection is where it is. Codes never change.', {
    enum: Object.keys(REASONS),
    example: 'approval_required',
  })
  code: string;

  @ShowsText('The reason in the language of Accept-Language.', 'The request was found and is being checked.')
  message: string;

  @ShowsTime('Since when it is the reason.')
  since: string;
}

const CONDITIONS = [
  'Verified',
  'Accepted',
  'RoutesProgrammed',
  'Fresh',
] as const satisfies readonly ConditionType[];

export class ConditionView {
  @Shows('What is or is not the case.', { enum: [...CONDITIONS], example: 'Verified' })
  type: string;

  @Shows('Whether it is.', { enum: ['True', 'False', 'Unknown'], example: 'True' })
  status: string;

  @ShowsText('Why.', 'request_matches')
  reason: string;

  @ShowsTime('When `status` last changed.')
  lastTransitionAt: string;
}

export class PeerSideView {
  @ShowsText("The cloud's account number.", '210987654321', { required: false })
  accountId?: string;

  @ShowsText("The cloud's project id, where it has projects.", '0a1b2c3d4e5f60718293a4b5c6d7e8f9', {
    required: false,
  })
  projectId?: string;

  @ShowsText('VPC, Net or CCN.', 'vpc-0f1e2d3c4b5a69788', { required: false })
  vpcId?: string;

  @ShowsText('Region.', 'eu-central-1', { required: false })
  region?: string;

  @Shows('The blocks that the cloud reports.', { type: 'string', isArray: true, example: ['172.16.0.0/16'] })
  cidrs: readonly string[];
}

export class ObservedView {
  @ShowsText("The cloud's id of the connection.", 'pcx-0a1b2c3d4e5f60718')
  providerId: string;

  @ShowsText("The cloud's own word for its state.", 'pending-acceptance')
  providerState: string;

  @ShowsText("The cloud's own explanation, where it gives one.", 'Pending Acceptance by 123456789012', {
    required: false,
  })
  providerMessage?: string;

  @Shows('The side that asked.', { type: PeerSideView })
  requester: PeerSideView;

  @Shows('The side that was asked.', { type: PeerSideView })
  accepter: PeerSideView;

  @Shows('The blocks of your side that the cloud reports.', {
    type: 'string',
    isArray: true,
    example: ['172.16.0.0/16'],
  })
  cidrs: readonly string[];

  @ShowsTime('Since when the cloud has shown exactly this.')
  at: string;
}

export class DeadlineView {
  @Shows('What runs out.', { enum: ['customer_approval', 'provider_expiry'], example: 'customer_approval' })
  kind: string;

  @ShowsTime('When.')
  at: string;

  @ShowsNumber('Seconds until then; 0 when it has passed.', 431)
  remainingSeconds: number;
}

export class ArtifactsView {
  @ShowsText('A place to click.', 'https://console.example.com/vpc', { required: false })
  console?: string;

  @ShowsText('Commands to paste.', 'aws ec2 create-route …', { required: false })
  cli?: string;

  @ShowsText('Terraform to paste.', 'resource "aws_route" "platform" { … }', { required: false })
  terraform?: string;
}

const NEXT_ACTION_CODES = [
  'create_peering_request',
  'complete_request_details',
  'check_request',
  'approve_ccn_attachment',
  'add_route',
  'allow_traffic',
  'activate_cdt',
  'choose_other_cidr',
  'enable_route',
  'approve_repair',
  'retry',
  'delete',
  'resolve_route_conflict',
  'contact_operator',
] as const satisfies readonly NextActionCode[];

export class NextActionView {
  @Shows('Who has to act.', { enum: ['customer', 'operator'], example: 'customer' })
  actor: string;

  @Shows('What is to be done. Codes never change.', { enum: [...NEXT_ACTION_CODES], example: 'add_route' })
  code: string;

  @ShowsText('The same in words.', 'Route the platform network through the connection')
  title: string;

  @Shows('Step by step.', {
    type: 'string',
    isArray: true,
    example: ['Open the VPC console of eu-central-1.'],
  })
  steps: readonly string[];

  @Shows('The same, ready to paste, with every value filled in.', { type: ArtifactsView })
  artifacts: ArtifactsView;
}

export class PeeringStatusView {
  @Shows('See GET /v1/meta/state-machine.', { enum: [...PEERING_STATES], example: 'running' })
  state: string;

  @Shows('Whether traffic can pass as far as the platform can tell.', { type: 'boolean', example: true })
  ready: boolean;

  @Shows('Why it is in this state.', { type: ReasonView })
  reason: ReasonView;

  @Shows('What has been established so far.', { type: ConditionView, isArray: true })
  conditions: readonly ConditionView[];

  @Shows('What the cloud shows; null until it was seen.', { type: ObservedView, nullable: true })
  observed: ObservedView | null;

  @Shows('A limited time that somebody has; null where none runs.', { type: DeadlineView, nullable: true })
  deadline: DeadlineView | null;

  @ShowsTime('When the cloud was last asked; null before the first time.', NULLABLE)
  lastObservedAt: string | null;

  @ShowsTime('When it will be asked next; null when nothing happens until somebody acts.', NULLABLE)
  nextCheckAt: string | null;

  @Shows('What somebody has to do now, most urgent first; empty when nobody has to.', {
    type: NextActionView,
    isArray: true,
  })
  nextActions: readonly NextActionView[];
}

export class PeeringView {
  @ShowsId('The connection.', 'peer')
  id: string;

  @ShowsId('The deployment that it connects.', 'dep')
  deploymentId: string;

  @Shows('The cloud of both sides.', { enum: [...CLOUD_IDS], example: 'aws' })
  cloud: string;

  @ShowsText('The region of both sides.', 'eu-central-1')
  region: string;

  @ShowsText('Your name for it.', 'prod')
  displayName: string;

  @Shows('What is wanted.', { type: SpecView })
  spec: SpecView;

  @Shows('What is.', { type: PeeringStatusView })
  status: PeeringStatusView;

  @ShowsNumber('Grows with every change; the ETag is this number in quotes.', 7)
  version: number;

  @ShowsTime('When it was created.')
  createdAt: string;

  @ShowsTime('When anything of it last changed.')
  updatedAt: string;
}

export class PeeringPageView {
  @Shows('In the order of creation, newest first.', { type: PeeringView, isArray: true })
  items: readonly PeeringView[];

  @ShowsText('Pass it as `cursor` for the next page; null on the last.', 'eyJ2IjoxfQ', NULLABLE)
  nextCursor: string | null;
}
