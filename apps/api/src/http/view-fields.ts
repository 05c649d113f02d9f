/** The fields of answers as decorators: each describes itself in the API's document, with an example. */
import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';

import type { IdPrefix } from '#runtime';

import { EXAMPLE_TIME, exampleId } from './value-checks.js';

/** A field of an answer. Every field is always present unless `required` is false. */
export function Shows(description: string, api: ApiPropertyOptions = {}): PropertyDecorator {
  return ApiProperty({ description, ...api });
}

/** Text of an answer. */
export function ShowsText(
  description: string,
  example: string,
  api: ApiPropertyOptions = {},
): PropertyDecorator {
  return Shows(description, { type: 'string', example, ...api });
}

/** An id of an answer. */
export function ShowsId(
  description: string,
  prefix: IdPrefix,
  api: ApiPropertyOptions = {},
): PropertyDecorator {
  return ShowsText(description, exampleId(prefix), api);
}

/** A point in time of an answer. */
export function ShowsTime(description: string, api: ApiPropertyOptions = {}): PropertyDecorator {
  return Shows(description, {
    type: 'string',
    format: 'date-time',
    example: EXAMPLE_TIME,
    ...api,
  });
}

/** A whole number of an answer. */
export function ShowsNumber(
  description: string,
  example: number,
  api: ApiPropertyOptions = {},
): PropertyDecorator {
  return Shows(description, { type: 'integer', example, ...api });
}

/** Text or null. */
export const NULLABLE = { nullable: true } as const satisfies ApiPropertyOptions;

/** ISO 8601 of epoch milliseconds. */
export function isoTime(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/** ISO 8601 of epoch milliseconds, where there are any. */
export function isoTimeOrNull(epochMs: number | null): string | null {
  return epochMs === null ? null : isoTime(epochMs);
}
