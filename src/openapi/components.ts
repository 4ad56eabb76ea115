import type { OpenAPIV3 } from 'openapi-types'
import { problemExamples } from './problem-examples.ts'

interface Refusal {
  readonly name: string
  readonly description: string
  /** Whether the client may send the same again, after Retry-After. */
  readonly passes?: true
}

const refusals: Readonly<Record<number, Refusal>> = {
  400: { name: 'BadRequest', description: 'The request has faults; `errors` lists each.' },
  401: { name: 'Unauthenticated', description: 'The API key is missing or not valid.' },
  403: { name: 'Forbidden', description: 'The API key lacks the scope.' },
  404: { name: 'NotFound', description: 'There is nothing with this id.' },
  408: { name: 'RequestTimeout', description: 'The body arrived too slowly, or took too long.' },
  409: {
    name: 'Conflict',
    description:
      'The request conflicts with stored data. Or a request with the same Idempotency-Key is still running; then there is a Retry-After header.',
    passes: true,
  },
  413: { name: 'PayloadTooLarge', description: 'The body is too large.' },
  415: { name: 'UnsupportedMediaType', description: 'The body has another content type, or is compressed.' },
  422: { name: 'IdempotencyKeyReused', description: 'The Idempotency-Key was used for another request.' },
  429: {
    name: 'RateLimited',
    description: 'The API key has no requests left in this window; without a key, the address has none.',
    passes: true,
  },
  500: {
    name: 'InternalError',
    description: 'The service failed. The error is in its log, under the request_id.',
  },
  503: {
    name: 'Unavailable',
    description: 'The service is busy, or its database is unreachable.',
    passes: true,
  },
}

const integer = { type: 'integer' } as const

export const headers: Record<string, OpenAPIV3.HeaderObject> = {
  XRequestId: { description: 'The id of the request in the log of the service.', schema: { type: 'string' } },
  RateLimitLimit: { description: 'Requests per window.', schema: integer },
  RateLimitRemaining: { description: 'Requests left in this window.', schema: integer },
  RateLimitReset: { description: 'Seconds until the window ends.', schema: integer },
  RetryAfter: { description: 'Seconds to wait before sending the request again.', schema: integer },
  IdempotencyReplayed: {
    description: '`true` if this is the stored answer of an earlier request with the same Idempotency-Key.',
    schema: { type: 'string', enum: ['true'] },
  },
}

export const idempotencyKey: OpenAPIV3.ParameterObject = {
  name: 'Idempotency-Key',
  in: 'header',
  description:
    'A unique text for this request, such as a UUID. Sent again with the same key within 72 hours, the request is not done twice: the stored answer is returned.',
  schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7e]+$' },
}

export const problemResponses: Record<string, OpenAPIV3.ResponseObject> = Object.fromEntries(
  Object.entries(refusals).map(([status, { name, description, passes }]) => [
    name,
    {
      description,
      headers: {
        'X-Request-Id': { $ref: '#/components/headers/XRequestId' },
        ...(passes && { 'Retry-After': { $ref: '#/components/headers/RetryAfter' } }),
      },
      content: {
        'application/problem+json': {
          schema: { $ref: '#/components/schemas/Problem' },
          examples: problemExamples(Number(status)),
        },
      },
    },
  ]),
)

/** The response of this status, the same for every operation. */
export function problemResponse(status: number): OpenAPIV3.ReferenceObject {
  const refusal = refusals[status]
  if (refusal === undefined) throw new Error(`components.ts has no response for the status ${status}.`)
  return { $ref: `#/components/responses/${refusal.name}` }
}
