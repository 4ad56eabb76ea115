import type { OpenAPIV3 } from 'openapi-types'

interface Refusal {
  readonly name: string
  readonly description: string
  /** Whether the client may send the same again, after Retry-After. */
  readonly passes?: true
}

const refusals: Readonly<Record<number, Refusal>> = {
  400: { name: 'BadRequest', description: 'The request has faults; `errors` names each.' },
  401: { name: 'Unauthenticated', description: 'There is no valid API key.' },
  403: { name: 'Forbidden', description: 'The API key lacks the scope.' },
  404: { name: 'NotFound', description: 'Nothing has this id.' },
  408: { name: 'RequestTimeout', description: 'The body came too slowly, or took too long.' },
  409: {
    name: 'Conflict',
    description:
      'It conflicts with what is stored; or a request with the same Idempotency-Key is still running, and then there is a Retry-After.',
    passes: true,
  },
  413: { name: 'PayloadTooLarge', description: 'The body is too large.' },
  415: { name: 'UnsupportedMediaType', description: 'The body is of another type, or compressed.' },
  422: { name: 'IdempotencyKeyReused', description: 'The Idempotency-Key came with another request.' },
  429: {
    name: 'RateLimited',
    description: 'The key, or the address where no key is needed, has no requests left in this window.',
    passes: true,
  },
  500: { name: 'InternalError', description: 'The service failed; the fault is logged.' },
  503: { name: 'Unavailable', description: 'The service is busy or its database is away.', passes: true },
}

const integer = { type: 'integer' } as const

export const headers: Record<string, OpenAPIV3.HeaderObject> = {
  XRequestId: { description: 'Names the request in the log of the service.', schema: { type: 'string' } },
  RateLimitLimit: { description: 'Requests in a window.', schema: integer },
  RateLimitRemaining: { description: 'Requests left in this window.', schema: integer },
  RateLimitReset: { description: 'Seconds until the window ends.', schema: integer },
  RetryAfter: { description: 'Seconds to wait before sending the same again.', schema: integer },
  IdempotencyReplayed: {
    description:
      '`true` where this is the stored answer of an earlier request with the same Idempotency-Key.',
    schema: { type: 'string', enum: ['true'] },
  },
}

export const idempotencyKey: OpenAPIV3.ParameterObject = {
  name: 'Idempotency-Key',
  in: 'header',
  description:
    'Any text of yours for this one request, say a UUID: sent again within 72 hours, it does nothing twice and gets the same answer.',
  schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7e]+$' },
}

export const problemResponses: Record<string, OpenAPIV3.ResponseObject> = Object.fromEntries(
  Object.values(refusals).map(({ name, description, passes }) => [
    name,
    {
      description,
      headers: {
        'X-Request-Id': { $ref: '#/components/headers/XRequestId' },
        ...(passes && { 'Retry-After': { $ref: '#/components/headers/RetryAfter' } }),
      },
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    },
  ]),
)

/** The refusal of this status, the same for every operation. */
export function problemResponse(status: number): OpenAPIV3.ReferenceObject {
  const refusal = refusals[status]
  if (refusal === undefined) throw new Error(`The contract has no response for the status ${status}.`)
  return { $ref: `#/components/responses/${refusal.name}` }
}
