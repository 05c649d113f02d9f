/** What operators send about connections. */
import { List, Text } from '../http/request-fields.js';
import { idCheck } from '../http/value-checks.js';
import { PeeringsAcrossQuery } from '../peerings/peering.request.js';

export class AllPeeringsQuery extends PeeringsAcrossQuery {
  @List({
    description: 'Only these tenants.',
    each: idCheck('ten'),
    max: 100,
    example: ['ten_01k9x7m3c8e9vt5w2r4q6y0zab'],
    required: false,
  })
  tenantId?: string[];
}

export class LockBody {
  @Text({ description: 'Why; the customer reads it.', max: 500, example: 'Under investigation, case 4711.' })
  note: string;
}

export class ForgetBody {
  @Text({ description: 'The display name or the id of the connection.', max: 200, example: 'prod' })
  confirm: string;
}
