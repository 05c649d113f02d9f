/** Problems as the API's document shows them. */
import { PROBLEMS } from '#domain';

import { Shows, ShowsText } from './view-fields.js';

export class FieldErrorView {
  @ShowsText(
    'JSON Pointer (RFC 6901) into the body; `?name` for a query parameter; a name with a colon for a header.',
    '/spec/cidrs/0',
  )
  pointer: string;

  @ShowsText('What is wrong. Codes never change.', 'host_bits_set')
  code: string;

  @ShowsText(
    'The same in words.',
    '"172.16.0.1/16" names an address inside a network, not the network (host bits are set).',
  )
  detail: string;

  @ShowsText('What to do.', 'Write 172.16.0.0/16 for the network that contains it.', { required: false })
  fix?: string;
}

export class ConflictView {
  @ShowsText(
    'What stands in the way: `reserved`, `deployment`, `peering`, `self`, `unroutable`, `resource`, …',
    'peering',
  )
  kind: string;

  @ShowsText('Its id.', 'peer_01k9x7m3c8e9vt5w2r4q6y0zab', { required: false })
  id?: string;

  @ShowsText('The block of the request that it touches.', '172.16.0.0/16', { required: false })
  cidr?: string;

  @ShowsText('What that block touches.', '172.16.8.0/24', { required: false })
  with?: string;

  @ShowsText('The same in words.', '172.16.0.0/16 overlaps 172.16.8.0/24 of another connection.', {
    required: false,
  })
  detail?: string;
}

export class ProblemView {
  @ShowsText(
    'Identifies the kind of problem: a path into the catalogue of errors.',
    '/v1/meta/errors#validation_failed',
  )
  type: string;

  @ShowsText('What is wrong, in the language of Accept-Language.', 'Some values are not acceptable.')
  title: string;

  @Shows('The HTTP status.', { type: 'integer', example: 422 })
  status: number;

  @ShowsText('What is particular to this occurrence.', '"172.16.0.1/16" has host bits set.', {
    required: false,
  })
  detail?: string;

  @Shows('What is wrong, for programs. Codes never change.', {
    type: 'string',
    enum: Object.keys(PROBLEMS),
    example: 'validation_failed',
  })
  code: string;

  @Shows('Every field that is wrong.', { type: FieldErrorView, isArray: true })
  errors: readonly FieldErrorView[];

  @Shows('Everything that stands in the way.', { type: ConflictView, isArray: true })
  conflicts: readonly ConflictView[];

  @Shows('Whether the same request may succeed later.', { type: 'boolean', example: false })
  retryable: boolean;

  @ShowsText('What to do now.', 'Mend the fields that "errors" points at.')
  fix: string;

  @ShowsText('The path of the request.', '/v1/deployments/dep_01k9x7m3c8e9vt5w2r4q6y0zab/peerings')
  instance: string;

  @ShowsText(
    'Quote it when asking for help; it is also in the header X-Request-Id.',
    '6f1c2a52-9d0e-4f0a-9a53-0d6c0a6f2b11',
  )
  requestId: string;
}
