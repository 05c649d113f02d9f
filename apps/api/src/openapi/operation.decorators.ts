/** What an operation promises in the API's document beyond its types: problems, headers, answers. */
import { applyDecorators, type Type } from '@nestjs/common';
import { ApiExtraModels, ApiHeader, ApiResponse, getSchemaPath } from '@nestjs/swagger';

import { Problem, PROBLEMS, type ProblemCode } from '#domain';

import { problemBody } from '../http/problem-body.js';
import { PROBLEM_STATUS } from '../http/problem-status.js';
import { ProblemView } from '../http/problem.view.js';
import { exampleId } from '../http/value-checks.js';

/** Problems that every operation behind a key can have. */
const EVERYWHERE = [
  'malformed_url',
  'unauthenticated',
  'forbidden',
  'unavailable',
  'internal',
] as const satisfies readonly ProblemCode[];

/** Problems that come with every body. */
const OF_BODIES = [
  'malformed_body',
  'unsupported_media_type',
  'payload_too_large',
  'validation_failed',
] as const satisfies readonly ProblemCode[];

/** Example values of what the texts of problems name. */
const EXAMPLE_PARAMS = {
  what: 'peering',
  needed: 'administrator, project_admin, project_user',
  edition: 'standard',
  status: 'creating',
  expected: 'aws',
  given: 'tencent',
  connectionId: exampleId('peer'),
  limit: '50',
  quota: 'peerings_per_deployment',
  state: 'running',
  note: 'maintenance',
  path: '/v1/…',
  method: 'PUT',
  detail: 'no answer in time',
} as const;

/**
 * The problems of an operation, besides those that every operation can have; `malformed_body` stands for all that a
 * body can be refused for before it is read.
 */
export function Problems(...codes: readonly ProblemCode[]): MethodDecorator {
  const ofBody = codes.includes('malformed_body') ? OF_BODIES : [];
  const all = new Set<ProblemCode>([...codes, ...ofBody, ...EVERYWHERE]);
  const byStatus = Map.groupBy(all, (code) => PROBLEM_STATUS[code]);
  return applyDecorators(
    ApiExtraModels(ProblemView),
    ...[...byStatus].map(([status, ofStatus]) =>
      ApiResponse({
        status,
        description: ofStatus.join(', '),
        content: {
          'application/problem+json': {
            schema: { $ref: getSchemaPath(ProblemView) },
            examples: Object.fromEntries(
              ofStatus.map((code) => [code, { $ref: `#/components/examples/${code}` }]),
            ),
          },
        },
      }),
    ),
  );
}

/** An example of every problem, for the document's components. */
export function problemExamples(): Readonly<Record<string, { readonly value: object }>> {
  const request = { path: '/v1/…', id: '6f1c2a52-9d0e-4f0a-9a53-0d6c0a6f2b11' };
  return Object.fromEntries(
    (Object.keys(PROBLEMS) as ProblemCode[]).map((code) => [
      code,
      { value: problemBody(new Problem(code, EXAMPLE_PARAMS), 'en', request) },
    ]),
  );
}

const ETAG = {
  ETag: { description: 'The version, for If-Match.', schema: { type: 'string', example: '"7"' } },
} as const;
const LOCATION = { Location: { description: 'Where it is.', schema: { type: 'string' } } } as const;

/** The answer that shows something with a version. */
export function Answers(
  status: 200 | 201 | 202,
  type: Type,
  description: string,
  headers: { readonly etag?: boolean; readonly location?: boolean } = {},
): MethodDecorator {
  return ApiResponse({
    status,
    type,
    description,
    headers: { ...(headers.etag === true ? ETAG : {}), ...(headers.location === true ? LOCATION : {}) },
  });
}

/** The answer without a body. */
export function AnswersNothing(description: string): MethodDecorator {
  return ApiResponse({ status: 204, description });
}

/** A POST: the key that makes it safe to repeat. */
export function Idempotent(): MethodDecorator {
  return ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description:
      'The same key with the same request gets the first answer again, with the header Idempotency-Replayed: true.',
    schema: { type: 'string', minLength: 1, maxLength: 255, example: '3f8b9c1e-0f5e-4a55-9d0e-7a54f4f1a0c2' },
  });
}

/** A change of what the caller has seen. */
export function Conditional(): MethodDecorator {
  return ApiHeader({
    name: 'If-Match',
    required: false,
    description: 'The ETag that was read: 412 when it has changed since.',
    schema: { type: 'string', example: '"7"' },
  });
}
