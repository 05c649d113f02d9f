/** What operators ask about what was left behind. */
import { CLOUD_IDS, ORPHAN_STATES } from '#domain';

import { PageQuery } from '../http/page-query.js';
import { List } from '../http/request-fields.js';
import { choiceCheck, idCheck } from '../http/value-checks.js';

export class OrphansQuery extends PageQuery {
  @List({
    description: 'Only these states.',
    each: choiceCheck(ORPHAN_STATES),
    values: ORPHAN_STATES,
    max: ORPHAN_STATES.length,
    example: ['found', 'removing'],
    required: false,
  })
  state?: string[];

  @List({
    description: 'Only these clouds.',
    each: choiceCheck(CLOUD_IDS),
    values: CLOUD_IDS,
    max: CLOUD_IDS.length,
    example: ['aws'],
    required: false,
  })
  cloud?: string[];

  @List({
    description: 'Only these deployments.',
    each: idCheck('dep'),
    max: 100,
    example: ['dep_01k9x7m3c8e9vt5w2r4q6y0zab'],
    required: false,
  })
  deployment?: string[];
}
