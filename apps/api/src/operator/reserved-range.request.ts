/** What operators send about reserved ranges. */
import { CLOUD_IDS, type CloudId } from '#domain';

import { PageQuery } from '../http/page-query.js';
import { Choice, Field, Text, WholeNumber } from '../http/request-fields.js';
import { addressCheck, choiceCheck, EXAMPLE_TIME, timeCheck, type Check } from '../http/value-checks.js';

const FROM = { description: 'First address that customers may not use.' };
const TO = { description: 'Last address that customers may not use.' };
const FROM_API = { type: 'string', example: '10.10.0.0' } as const;
const TO_API = { type: 'string', example: '10.64.255.255' } as const;
const VERSION = {
  description: 'The published version that it belongs to.',
  min: 1,
  max: 1_000_000,
  example: 2,
  required: false,
};
const NOTE = { description: 'Why.', min: 0, max: 500, example: 'platform networks', required: false };

const cloud: Check = (value) => (value === null ? [] : choiceCheck(CLOUD_IDS)(value));
const CLOUD = { description: 'The cloud that it counts on; null or absent: every cloud.', required: false };
const CLOUD_API = { type: 'string', enum: [...CLOUD_IDS], nullable: true, example: 'aws' } as const;

const time: Check = (value) => (value === null ? [] : timeCheck(value));
const SINCE = { description: 'From when on it counts; absent: from now on.', required: false };
const UNTIL = { description: 'Until when it counts; null or absent: without end.', required: false };
const TIME_API = { type: 'string', format: 'date-time', example: EXAMPLE_TIME } as const;

export class CreateReservedRangeBody {
  @Field(addressCheck, FROM, FROM_API)
  from: string;

  @Field(addressCheck, TO, TO_API)
  to: string;

  @WholeNumber(VERSION)
  version?: number;

  @Field(cloud, CLOUD, CLOUD_API)
  cloud?: CloudId | null;

  @Text(NOTE)
  note?: string;

  @Field(timeCheck, SINCE, TIME_API)
  effectiveFrom?: string;

  @Field(time, UNTIL, { ...TIME_API, nullable: true })
  effectiveUntil?: string | null;
}

export class ChangeReservedRangeBody {
  @Field(addressCheck, { ...FROM, required: false }, FROM_API)
  from?: string;

  @Field(addressCheck, { ...TO, required: false }, TO_API)
  to?: string;

  @WholeNumber(VERSION)
  version?: number;

  @Field(cloud, CLOUD, CLOUD_API)
  cloud?: CloudId | null;

  @Text(NOTE)
  note?: string;

  @Field(timeCheck, { ...SINCE, description: 'From when on it counts.' }, TIME_API)
  effectiveFrom?: string;

  @Field(
    time,
    { ...UNTIL, description: 'Until when it counts; null: without end.' },
    { ...TIME_API, nullable: true },
  )
  effectiveUntil?: string | null;
}

export class ReservedRangeQuery extends PageQuery {
  @Choice({ description: 'Only what counts on this cloud.', values: CLOUD_IDS, required: false })
  cloud?: CloudId;
}
