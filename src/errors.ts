import createError from '@fastify/error'

/** One fault of a request: where it is (a JSON pointer into the body, or the parameter's name) and what is wrong. */
export interface Fault {
  readonly pointer: string
  readonly detail: string
}

// The codes are promises to clients; the sentences may improve.
export const InvalidRequest = createError<[]>('invalid_request', 'The request has faults.', 400)
export const UnknownReference = createError<[]>(
  'unknown_reference',
  'The request names something unknown.',
  400,
)
export const MalformedRequest = createError<[string, ErrorOptions?]>('malformed_request', '%s', 400)
export const Unauthenticated = createError<[]>('unauthenticated', 'A valid X-API-Key header is needed.', 401)
export const Forbidden = createError<[string]>('forbidden', 'This API key lacks the scope %s.', 403)
export const RouteNotFound = createError<[]>('route_not_found', 'There is no such route.', 404)
export const PartnerNotFound = createError<[string]>('partner_not_found', 'No partner has the id %s.', 404)
export const EventNotFound = createError<[string]>('event_not_found', 'No event has the id %s.', 404)
export const DealNotFound = createError<[string]>('deal_not_found', 'No deal has the id %s.', 404)
export const KeyNotFound = createError<[string]>('api_key_not_found', 'No API key has the id %s.', 404)
export const VersionNotFound = createError<[string]>(
  'version_not_found',
  'Deal %s had no attribution at that instant.',
  404,
)
export const RequestTimeout = createError<[string]>('request_timeout', '%s', 408)
export const PartnerExists = createError<[string]>(
  'partner_exists',
  'The id %s holds another partner submission.',
  409,
)
export const EmailTaken = createError<[ErrorOptions?]>(
  'email_taken',
  'Another partner has this e-mail address.',
  409,
)
export const EventExists = createError<[string]>(
  'event_exists',
  'The id %s holds another event submission.',
  409,
)
export const DealExists = createError<[string]>(
  'deal_exists',
  'The id %s holds another deal submission.',
  409,
)
export const PartnerInactive = createError<[string]>(
  'partner_inactive',
  'Partner %s is inactive and takes no new events.',
  409,
)
export const DealFull = createError<[string]>(
  'deal_full',
  'Deal %s is full: a deal holds at most 5,000 touchpoints of at most 500 partners.',
  409,
)
export const DealVoid = createError<[string]>('deal_void', 'Deal %s is void and cannot change.', 409)
export const LastAdminKey = createError<[]>(
  'last_admin_key',
  'The last admin key cannot be revoked or given an end.',
  409,
)
export const KeyRevoked = createError<[string]>('api_key_revoked', 'API key %s is revoked or expired.', 409)
export const KeyRotated = createError<[string]>(
  'api_key_rotated',
  'API key %s was rotated before, and the key that replaced it still works; rotate or revoke that one.',
  409,
)
export const Conflict = createError<[]>('conflict', 'The request conflicts with what is stored.', 409)
export const RequestInFlight = createError<[]>(
  'request_in_flight',
  'A request with this Idempotency-Key is still running.',
  409,
)
export const PayloadTooLarge = createError<[]>('payload_too_large', 'The request is too large.', 413)
export const UnsupportedMediaType = createError<[]>(
  'unsupported_media_type',
  'Send this content as application/json, not compressed.',
  415,
)
export const IdempotencyKeyReused = createError<[]>(
  'idempotency_key_reused',
  'This Idempotency-Key came with another request.',
  422,
)
export const RateLimited = createError<[]>('rate_limited', 'Too many requests.', 429)
export const HeadersTooLarge = createError<[]>('headers_too_large', 'The request headers are too large.', 431)
export const InternalError = createError<[]>(
  'internal_error',
  'The service failed; the fault is logged.',
  500,
)
export const PayoutKeysMissing = createError<[]>(
  'payout_keys_missing',
  'The service has no key for these payout details; its operator must set PAYOUT_KEYS.',
  503,
)
export const TooManyImports = createError<[]>(
  'too_many_imports',
  'This API key has one import running and another waiting. Send this one later.',
  503,
)
export const Unavailable = createError<[]>('unavailable', 'The service is busy or its database is away.', 503)

/** A 400 that names each fault. */
export function invalid(faults: readonly Fault[]): Error {
  return Object.assign(new InvalidRequest(), { faults })
}
