/** What the API shows about a connection besides itself. */
import { NULLABLE, Shows, ShowsId, ShowsText, ShowsTime } from '../http/view-fields.js';
import { ProblemView } from '../http/problem.view.js';
import { PEERING_STATES } from '#domain';

export class PeeringEventView {
  @ShowsId('The event.', 'evt')
  id: string;

  @ShowsId('The connection.', 'peer')
  peeringId: string;

  @ShowsText('What happened.', 'peering.state_changed')
  type: string;

  @ShowsText('Who did it: a key, `worker`, or an operator.', 'worker')
  actor: string;

  @Shows('Details, by type.', {
    type: 'object',
    additionalProperties: true,
    example: { from: 'verifying', to: 'accepting', reason: 'accept_in_progress' },
  })
  data: Readonly<Record<string, unknown>>;

  @ShowsTime('When.')
  at: string;
}

export class PeeringEventPageView {
  @Shows('Oldest first.', { type: PeeringEventView, isArray: true })
  items: readonly PeeringEventView[];

  @ShowsText('Pass it as `cursor` for the next page; null on the last.', 'c2FtcGxlIDQy', NULLABLE)
  nextCursor: string | null;
}

export class RouteView {
  @ShowsText('The platform route table.', 'rtb-0a1b2c3d4e5f60718')
  routeTableId: string;

  @ShowsText('The destination.', '172.16.0.0/16')
  destination: string;
}

export class DependentView {
  @ShowsId('The bound resource.', 'res')
  id: string;

  @ShowsText('Its kind.', 'connector')
  kind: string;

  @ShowsText('Its name.', 'orders-to-kafka')
  name: string;
}

export class DeletionPreviewView {
  @Shows('Whether DELETE would be accepted as it is; if not, it takes force and confirm.', {
    type: 'boolean',
    example: true,
  })
  allowed: boolean;

  @Shows('Data-integration resources that depend on the connection; force unbinds them.', {
    type: DependentView,
    isArray: true,
  })
  resources: readonly DependentView[];

  @Shows('What `confirm` may say when force is needed.', { type: 'string', isArray: true, example: ['prod'] })
  confirmWith: readonly string[];

  @ShowsText(
    'What is removed from the cloud; null where nothing was found or made.',
    'pcx-0a1b2c3d4e5f60718',
    NULLABLE,
  )
  providerId: string | null;

  @Shows(
    'Requests that were named before this one, as far as they may still be there: they are taken back, too.',
    {
      type: 'string',
      isArray: true,
      example: [],
    },
  )
  earlierRequests: readonly string[];

  @Shows('The platform routes that are removed.', { type: RouteView, isArray: true })
  routes: readonly RouteView[];

  @Shows('The blocks that become free for other connections.', {
    type: 'string',
    isArray: true,
    example: ['172.16.0.0/16'],
  })
  cidrs: readonly string[];

  @Shows('What stays on your side, for you to remove.', {
    type: 'string',
    isArray: true,
    example: ['Remove your routes to 10.11.0.0/16.'],
  })
  leftToYou: readonly string[];
}

export class PreflightView {
  @Shows('Whether POST would be accepted now.', { type: 'boolean', example: true })
  ok: boolean;

  @Shows('The state that the connection would begin in; null when it would not be accepted.', {
    type: 'string',
    enum: [...PEERING_STATES],
    nullable: true,
    example: 'verifying',
  })
  state: string | null;

  @Shows('What a complete request still lacks; the connection would be a draft.', {
    type: 'string',
    isArray: true,
    example: [],
  })
  missing: readonly string[];

  @Shows('Everything that speaks against it, most fundamental first.', { type: ProblemView, isArray: true })
  problems: readonly ProblemView[];
}
