/** The catalogues that the API publishes about itself. */
import {
  PEERING_STATES,
  PROBLEMS,
  problemText,
  reasonMessage,
  REASONS,
  STATE_MACHINE,
  type Locale,
  type ProblemCode,
  type ReasonCode,
} from '#domain';

import { FIELD_ISSUES, type FieldIssueCode } from '../http/field-issues.js';
import { PROBLEM_STATUS } from '../http/problem-status.js';
import { Shows, ShowsNumber, ShowsText } from '../http/view-fields.js';

const ACTORS = { type: 'string', enum: ['customer', 'platform', 'nobody'] } as const;

export class StateView {
  @Shows('The state.', { type: 'string', enum: [...PEERING_STATES], example: 'verifying' })
  state: string;

  @Shows('The states that may follow.', { type: 'string', isArray: true, example: ['accepting', 'deleting'] })
  to: readonly string[];

  @Shows('Who has to move next.', { ...ACTORS, example: 'platform' })
  actor: string;

  @Shows('Nothing happens until somebody asks for it.', { type: 'boolean', example: false })
  resting: boolean;

  @Shows('What may be asked for: `complete` is PATCH, `delete` is DELETE, the others are paths.', {
    type: 'string',
    isArray: true,
    example: ['complete', 'refresh', 'delete'],
  })
  verbs: readonly string[];
}

export class ReasonEntryView {
  @ShowsText('The code.', 'approval_required')
  code: string;

  @Shows('Who can change it.', { ...ACTORS, example: 'customer' })
  actor: string;

  @ShowsText('Its sentence; {names} are filled in.', 'Approve the attachment of VPC {vpcId} …')
  message: string;
}

export class StateMachineView {
  @Shows('Every state, in the order in which a connection usually meets them.', {
    type: StateView,
    isArray: true,
  })
  states: readonly StateView[];

  @Shows('Every reason for being in a state.', { type: ReasonEntryView, isArray: true })
  reasons: readonly ReasonEntryView[];
}

export class ProblemEntryView {
  @ShowsText('The code.', 'cidr_conflict')
  code: string;

  @ShowsNumber('The HTTP status.', 409)
  status: number;

  @Shows('Whether the same request may succeed later.', { type: 'boolean', example: false })
  retryable: boolean;

  @ShowsText('What is wrong; {names} are filled in.', 'Address blocks collide with others.')
  title: string;

  @ShowsText('What to do.', 'Use blocks that touch none of those in "conflicts".')
  fix: string;
}

export class FieldErrorEntryView {
  @ShowsText('The code.', 'host_bits_set')
  code: string;

  @ShowsText('What is wrong; {names} are filled in.', '"{given}" names an address inside a network.')
  detail: string;

  @ShowsText('What to do.', 'Write {network} for the network that contains it.')
  fix: string;
}

export class ErrorCatalogueView {
  @Shows('Every `code` of a problem.', { type: ProblemEntryView, isArray: true })
  problems: readonly ProblemEntryView[];

  @Shows('Every `code` in `errors`.', { type: FieldErrorEntryView, isArray: true })
  fieldErrors: readonly FieldErrorEntryView[];
}

/** The state machine as it stands in the code. */
export function stateMachineView(locale: Locale): StateMachineView {
  return {
    states: PEERING_STATES.map((state) => ({ state, ...STATE_MACHINE[state] })),
    reasons: (Object.keys(REASONS) as ReasonCode[]).map((code) => ({
      code,
      actor: REASONS[code].actor,
      message: reasonMessage({ code, params: {} }, locale),
    })),
  };
}

/** Every code that an answer may carry. */
export function errorCatalogueView(locale: Locale): ErrorCatalogueView {
  return {
    problems: (Object.keys(PROBLEMS) as ProblemCode[]).map((code) => ({
      code,
      status: PROBLEM_STATUS[code],
      retryable: PROBLEMS[code].retryable,
      ...problemText(code, {}, locale),
    })),
    fieldErrors: (Object.keys(FIELD_ISSUES) as FieldIssueCode[]).map((code) => ({
      code,
      detail: FIELD_ISSUES[code].detail[locale],
      fix: FIELD_ISSUES[code].fix[locale],
    })),
  };
}
