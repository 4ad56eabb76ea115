import createError from '@fastify/error'

/** A fault of a request: its place (a JSON pointer into the body, or the name of a parameter) and its description. */
export interface Fault {
  readonly pointer: string
  readonly detail: string
}

// Clients rely on the codes, so a code never changes. The sentences may change.
export const InvalidRequest = createError<[]>('invalid_request', 'The request is not valid.', 400)
export const UnknownReference = createError<[]>(
  'unknown_reference',
  'The request refers to something that does not exist.',
  400,
)
export const MalformedRequest = createError<[string, ErrorOptions?]>('malformed_request', '%s', 400)
export const Unauthenticated = createError<[]>(
  'unauthenticated',
  'Send a valid API key in the header X-API-Key.',
  401,
)
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
  'A different partner was submitted with the id %s.',
  409,
)
export const EmailTaken = createError<[ErrorOptions?]>(
  'email_taken',
  'Another partner has this e-mail address.',
  409,
)
export const EventExists = createError<[string]>(
  'event_exists',
  'A different event was submitted with the id %s.',
  409,
)
export const DealExists = createError<[string]>(
  'deal_exists',
  'A different deal was submitted with the id %s.',
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
  'This is the last admin key, so it cannot be revoked or be set to expire.',
  409,
)
export const KeyRevoked = createError<[string]>('api_key_revoked', 'API key %s is revoked or expired.', 409)
export const KeyRotated = createError<[string]>(
  'api_key_rotated',
  'API key %s was rotated before, and its replacement still works. Rotate or revoke the replacement.',
  409,
)
export const Conflict = createError<[]>('conflict', 'The request conflicts with stored data.', 409)
export const RequestInFlight = createError<[]>(
  'request_in_flight',
  'A request with this Idempotency-Key is still running.',
  409,
)
export const PayloadTooLarge = createError<[]>('payload_too_large', 'The request is too large.', 413)
export const UnsupportedMediaType = createError<[]>(
  'unsupported_media_type',
  'The Content-Type or Content-Encoding is not supported. Send application/json, or application/x-ndjson for an import, uncompressed.',
  415,
)
export const IdempotencyKeyReused = createError<[]>(
  'idempotency_key_reused',
  'This Idempotency-Key was used with a different request.',
  422,
)
export const RateLimited = createError<[]>('rate_limited', 'Too many requests.', 429)
export const HeadersTooLarge = createError<[]>('headers_too_large', 'The request headers are too large.', 431)
export const InternalError = createError<[]>(
  'internal_error',
  'The service failed. The error is logged.',
  500,
)
export const PayoutKeysMissing = createError<[]>(
  'payout_keys_missing',
  'The service has no key to encrypt or decrypt these payout details. Its operator must set PAYOUT_KEYS.',
  503,
)
export const TooManyImports = createError<[]>(
  'too_many_imports',
  'This API key has one import running and another waiting. Try again later.',
  503,
)
export const Unavailable = createError<[]>(
  'unavailable',
  'The service is busy or its database is unreachable. Try again later.',
  503,
)

/** Makes a 400 that lists these faults. */
export function invalid(faults: readonly Fault[]): Error {
  return Object.assign(new InvalidRequest(), { faults })
}
