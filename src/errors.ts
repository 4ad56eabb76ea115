import createError from '@fastify/error'

/** A fault of a request: its place (a JSON pointer into the body, or the name of a parameter) and its description. */
export interface Fault {
  readonly pointer: string
  readonly detail: string
}

/** An error and its entry in docs/errors.md and at /docs/errors. The texts are one line of Markdown. */
export interface ErrorEntry {
  /** Clients rely on the codes, so a code never changes. The texts may change. */
  readonly code: string
  readonly status: number
  /** The `detail` of the problem, with %s for each parameter. */
  readonly detail: string
  /** When the error occurs. */
  readonly when: string
  /** What the client does. */
  readonly remedy: string
}

const entries: ErrorEntry[] = []

/** Every error, in the order of this file. */
export const catalogue: readonly ErrorEntry[] = entries

// createError turns the code into capitals; toProblem in http/problems.ts turns it back.
function define<Parameters extends unknown[]>(entry: ErrorEntry) {
  entries.push(entry)
  return createError<Parameters>(entry.code, entry.detail, entry.status)
}

export const InvalidRequest = define<[]>({
  code: 'invalid_request',
  status: 400,
  detail: 'The request is not valid.',
  when: 'A field of the body, a parameter or a header is missing, unknown, or has a value that the operation does not accept.',
  remedy: 'Correct each fault that `errors` lists, then send the request again.',
})
export const UnknownReference = define<[]>({
  code: 'unknown_reference',
  status: 400,
  detail: 'The request refers to something that does not exist.',
  when: 'The body refers to something that does not exist, such as the partner of an event.',
  remedy:
    'Check the id that `errors` names. Register the partner first (`POST /partners`), then send the request again.',
})
export const MalformedRequest = define<[string, ErrorOptions?]>({
  code: 'malformed_request',
  status: 400,
  detail: '%s',
  when: 'The request is not valid HTTP, UTF-8 or JSON, contains a value that cannot be stored unchanged, or its connection broke.',
  remedy:
    'Read `detail` and correct how your client writes the request. If the connection broke, send the request again.',
})
export const Unauthenticated = define<[]>({
  code: 'unauthenticated',
  status: 401,
  detail: 'Send a valid API key in the header X-API-Key.',
  when: 'The header `X-API-Key` is missing, or its key is unknown, revoked or expired.',
  remedy: 'Send a valid key. An administrator creates keys with `POST /api-keys`.',
})
export const Forbidden = define<[string]>({
  code: 'forbidden',
  status: 403,
  detail: 'This API key lacks the scope %s.',
  when: 'The key is valid, but lacks the scope that the operation needs, or a scope of the key that it creates or changes.',
  remedy: 'Use a key that has the scope named in `detail`.',
})
export const RouteNotFound = define<[]>({
  code: 'route_not_found',
  status: 404,
  detail: 'There is no such route.',
  when: 'No operation has this method and path.',
  remedy: 'Compare the method and the path with the document (`/docs`).',
})
export const PartnerNotFound = define<[string]>({
  code: 'partner_not_found',
  status: 404,
  detail: 'No partner has the id %s.',
  when: 'No partner has the id in the path.',
  remedy: 'Check the id. `GET /partners` lists all partners.',
})
export const EventNotFound = define<[string]>({
  code: 'event_not_found',
  status: 404,
  detail: 'No event has the id %s.',
  when: 'No event has the id in the path.',
  remedy: 'Check the id. `GET /events` lists all events.',
})
export const DealNotFound = define<[string]>({
  code: 'deal_not_found',
  status: 404,
  detail: 'No deal has the id %s.',
  when: 'No deal has the id in the path. Events alone do not make a deal: `POST /deals` records it.',
  remedy: 'Check the id, or record the deal first. `GET /deals` lists all deals.',
})
export const PlanNotFound = define<[string]>({
  code: 'commission_plan_not_found',
  status: 404,
  detail: 'No commission plan has the id %s.',
  when: 'No commission plan has the id in the path.',
  remedy: 'Check the id. `GET /commission-plans` lists all plans.',
})
export const RefundNotFound = define<[string]>({
  code: 'refund_not_found',
  status: 404,
  detail: 'No refund has the id %s.',
  when: 'No refund has the id in the path.',
  remedy: 'Check the id. `GET /deals/{dealId}/refunds` lists the refunds of a deal.',
})
export const KeyNotFound = define<[string]>({
  code: 'api_key_not_found',
  status: 404,
  detail: 'No API key has the id %s.',
  when: 'No API key has the id in the path. The path takes the id (`key_…`), not the secret.',
  remedy: 'Check the id. `GET /api-keys` lists all keys.',
})
export const VersionNotFound = define<[string]>({
  code: 'version_not_found',
  status: 404,
  detail: 'Deal %s had no attribution at that instant.',
  when: 'The instant in `as_of` is before the first version of the split of the deal.',
  remedy: 'Send a later `as_of`. `GET /attribution/{dealId}/history` lists all versions with their times.',
})
export const RequestTimeout = define<[string]>({
  code: 'request_timeout',
  status: 408,
  detail: '%s',
  when: 'The request did not arrive within 15 seconds. An import may take an hour, but at least 32 kB must arrive every 30 seconds.',
  remedy:
    'Send the request again. For an import, send all lines again, or the rest: no line is stored twice.',
})
export const PartnerExists = define<[string]>({
  code: 'partner_exists',
  status: 409,
  detail: 'A different partner was submitted with the id %s.',
  when: 'A partner with different fields was submitted with the same `id`.',
  remedy: 'Use another `id` for another partner. To change the partner, use `PATCH /partners/{partnerId}`.',
})
export const EmailTaken = define<[ErrorOptions?]>({
  code: 'email_taken',
  status: 409,
  detail: 'Another partner has this e-mail address.',
  when: 'Another partner has this e-mail address. Upper and lower case do not differ.',
  remedy: 'Use the partner that has it (`GET /partners?email=`), or another address.',
})
export const EventExists = define<[string]>({
  code: 'event_exists',
  status: 409,
  detail: 'A different event was submitted with the id %s.',
  when: 'An event with different fields was submitted with the same `id`.',
  remedy: 'Use another `id` for another event. To correct the event, use `PUT /events/{eventId}`.',
})
export const DealExists = define<[string]>({
  code: 'deal_exists',
  status: 409,
  detail: 'A different deal was submitted with the id %s.',
  when: 'A deal with different fields was submitted with the same `id`.',
  remedy: 'Use another `id` for another deal. To correct the deal, use `PATCH /deals/{dealId}`.',
})
export const RefundExists = define<[string]>({
  code: 'refund_exists',
  status: 409,
  detail: 'A different refund was submitted with the id %s.',
  when: 'A refund with different fields, or of another deal, was submitted with the same `id`.',
  remedy:
    'Use another `id` for another refund. A refund never changes: void it (`POST /refunds/{refundId}/void`) and submit the right one.',
})
export const RefundTooLarge = define<[string, string]>({
  code: 'refund_too_large',
  status: 409,
  detail: 'Deal %s has %s left: a refund cannot be more.',
  when: 'The refund is more than the amount of the deal and its other refunds leave.',
  remedy:
    'Check the amount. `net_amount` of the deal is what is left. If an earlier refund is wrong, void it first (`POST /refunds/{refundId}/void`).',
})
export const DealRefunded = define<[string, string]>({
  code: 'deal_refunded',
  status: 409,
  detail: 'Deal %s has refunds of %s: it keeps its currency, and its amount cannot be less.',
  when: 'The request changes the currency of a deal that has refunds, or makes its amount less than its refunds. Void refunds do not count.',
  remedy:
    'Check the amount and the currency. If a refund is wrong, void it first (`POST /refunds/{refundId}/void`).',
})
export const PartnerInactive = define<[string]>({
  code: 'partner_inactive',
  status: 409,
  detail: 'Partner %s was inactive at the time of the event.',
  when: 'The event is dated in a period in which its partner had the status `inactive`.',
  remedy:
    'Check the `timestamp` of the event. Events from before the partner left, and from when it is active again, are taken.',
})
export const PartnerMerged = define<[string, string]>({
  code: 'partner_merged',
  status: 409,
  detail: 'Partner %s was merged into partner %s.',
  when: 'The request merges a partner, or merges another one into it, or changes its status, and it was merged into another partner.',
  remedy: 'Use the partner that it was merged into: `merged_into` of `GET /partners/{partnerId}` names it.',
})
export const MergeRunning = define<[string]>({
  code: 'merge_running',
  status: 409,
  detail: 'A merge of or into partner %s is still running.',
  when: 'The request merges a partner of which, or into which, another merge is still running, or locks a month while any merge runs.',
  remedy:
    'Wait until `GET /partners/{partnerId}/merge` of that merge has `finished_at`, then send the request again.',
})
export const MergeNotFound = define<[string]>({
  code: 'merge_not_found',
  status: 404,
  detail: 'Partner %s was not merged into another.',
  when: 'The partner in the path was not merged into another, or does not exist.',
  remedy: 'Check the id.',
})
export const DealFull = define<[string]>({
  code: 'deal_full',
  status: 409,
  detail:
    'Deal %s is full: a deal holds at most 5,000 touchpoints of at most 500 partners, 5,000 earlier revisions of them, and 1,000 refunds.',
  when: 'The deal has 5,000 touchpoints, or it has 500 partners and the event is for another one. Void events count. Or its events were corrected and reinstated 5,000 times. Or it has 1,000 refunds, void ones included.',
  remedy: 'Do not send the event or the refund again. Check that its `deal_id` is right.',
})
export const MonthNotOver = define<[string]>({
  code: 'month_not_over',
  status: 409,
  detail: 'The month %s is not over yet.',
  when: 'The month to lock has not ended in `TIME_ZONE`.',
  remedy: 'Lock the month when it is over.',
})
export const PeriodChanged = define<[string]>({
  code: 'period_changed',
  status: 409,
  detail: 'The month %s has another digest now than expected_digest.',
  when: 'Moves were posted to the month since its digest was read.',
  remedy: 'Read the month again (`GET /periods/{month}`), check it, and send its digest.',
})
export const LedgerNotReady = define<[]>({
  code: 'not_ready',
  status: 409,
  detail: 'The ledger is not complete yet: the deals of an earlier release are being posted.',
  when: 'After an upgrade, a job posts what the deals of the earlier release owe. It has not ended.',
  remedy: 'Send the request again later.',
})
export const DealVoid = define<[string]>({
  code: 'deal_void',
  status: 409,
  detail: 'Deal %s is void and cannot change.',
  when: 'The request changes a deal that was voided.',
  remedy: 'If the deal counts after all, reinstate it first (`POST /deals/{dealId}/reinstate`).',
})
export const EventVoid = define<[string]>({
  code: 'event_void',
  status: 409,
  detail: 'Event %s is void and cannot change.',
  when: 'The request corrects an event that was voided.',
  remedy: 'If the event counts after all, reinstate it first (`POST /events/{eventId}/reinstate`).',
})
export const PlanExists = define<[string]>({
  code: 'commission_plan_exists',
  status: 409,
  detail: 'A different commission plan was submitted with the id %s.',
  when: 'A commission plan with different fields was submitted with the same `id`.',
  remedy:
    'Use another `id` for another plan. To change what the plan pays, add a version (`POST /commission-plans/{planId}/versions`).',
})
export const PlanBuiltIn = define<[string]>({
  code: 'commission_plan_built_in',
  status: 409,
  detail: 'The commission plan %s comes with the service and takes no versions.',
  when: 'The request adds a version to the plan `full`.',
  remedy: 'Store a plan of your own (`POST /commission-plans`) and make it the default.',
})
export const TooManyApplications = define<[]>({
  code: 'too_many_plan_applications',
  status: 409,
  detail: 'As many applications of commission plans are waiting as the service takes.',
  when: 'Of the applications of commission plans (`POST /commission-plans/{planId}/apply`), 20 have not finished.',
  remedy:
    'Send the request again when one has finished: `GET /commission-plans/{planId}/applications` shows the progress.',
})
export const LastAdminKey = define<[]>({
  code: 'last_admin_key',
  status: 409,
  detail: 'This is the last admin key, so it cannot be revoked or be set to expire.',
  when: 'The request revokes an admin key, or makes it expire earlier, and no other admin key works as long as this one.',
  remedy: 'Create another admin key that expires as late, then send the request again.',
})
export const KeyRevoked = define<[string]>({
  code: 'api_key_revoked',
  status: 409,
  detail: 'API key %s is revoked or expired.',
  when: 'The request changes or rotates a key that is revoked or has expired.',
  remedy: 'Create a new key (`POST /api-keys`).',
})
export const KeyRotated = define<[string]>({
  code: 'api_key_rotated',
  status: 409,
  detail: 'API key %s was rotated before, and its replacement still works. Rotate or revoke the replacement.',
  when: 'The request rotates a key that was rotated before, and its replacement still works.',
  remedy: 'Rotate or revoke the replacement: `rotated_from` in `GET /api-keys` names the old key.',
})
export const Conflict = define<[]>({
  code: 'conflict',
  status: 409,
  detail: 'The request conflicts with stored data.',
  when: 'Another request stored conflicting data at the same moment.',
  remedy: 'Send the request again: it succeeds, or the answer has a more exact code.',
})
export const RequestInFlight = define<[]>({
  code: 'request_in_flight',
  status: 409,
  detail: 'A request with this Idempotency-Key is still running.',
  when: 'A request with the same `Idempotency-Key` is still running.',
  remedy:
    'Wait for `Retry-After` seconds, then send the same request again. It gets the answer of the first one.',
})
export const PayloadTooLarge = define<[]>({
  code: 'payload_too_large',
  status: 413,
  detail: 'The request is too large.',
  when: 'The body is larger than 1 MB (1,048,576 bytes).',
  remedy: 'Send smaller requests. `POST /events/import` takes any number of events.',
})
export const UnsupportedMediaType = define<[]>({
  code: 'unsupported_media_type',
  status: 415,
  detail:
    'The Content-Type or Content-Encoding is not supported. Send application/json, or application/x-ndjson for an import, uncompressed.',
  when: 'The body has another `Content-Type` than the operation takes, is compressed, or is not in UTF-8.',
  remedy: 'Send `application/json`, or `application/x-ndjson` for an import, uncompressed and in UTF-8.',
})
export const IdempotencyKeyReused = define<[]>({
  code: 'idempotency_key_reused',
  status: 422,
  detail: 'This Idempotency-Key was used with a different request.',
  when: 'The `Idempotency-Key` was used in the last 72 hours for the same method and path, with another body.',
  remedy: 'Use a new key for every new request. Repeat a request with the same key and the same body.',
})
export const RateLimited = define<[]>({
  code: 'rate_limited',
  status: 429,
  detail: 'Too many requests.',
  when: 'The API key has no requests left in its window. Or the address failed to authenticate 20 times in a minute, or sent too many requests to routes that need no key: 300 a minute, and 6,000 to `/health` and `/ready`.',
  remedy: 'Wait for `Retry-After` seconds, then send the request again.',
})
export const HeadersTooLarge = define<[]>({
  code: 'headers_too_large',
  status: 431,
  detail: 'The request headers are too large.',
  when: 'The path and the headers are larger than 16 kB.',
  remedy: 'Send shorter headers, or a shorter path.',
})
export const InternalError = define<[]>({
  code: 'internal_error',
  status: 500,
  detail: 'The service failed. The error is logged.',
  when: 'The service failed: the fault is not in the request.',
  remedy:
    'Send the request again: with an `id` or an `Idempotency-Key` nothing is done twice. If it fails again, tell the operator the `request_id`.',
})
export const PayoutKeysMissing = define<[]>({
  code: 'payout_keys_missing',
  status: 503,
  detail:
    'The service has no key to encrypt or decrypt these payout details. Its operator must set PAYOUT_KEYS.',
  when: 'The service has no key to encrypt or decrypt these payout details.',
  remedy: 'Tell the operator to set `PAYOUT_KEYS`. Until then, send requests without payout details.',
})
export const TooManyImports = define<[]>({
  code: 'too_many_imports',
  status: 503,
  detail: 'This API key has one import running and another waiting. Try again later.',
  when: 'The API key has one import running and another one waiting.',
  remedy: 'Wait until one has ended, then send the import again.',
})
export const Unavailable = define<[]>({
  code: 'unavailable',
  status: 503,
  detail: 'The service is busy or its database is unreachable. Try again later.',
  when: 'The service is busy, is shutting down, or cannot reach its database.',
  remedy: 'Wait for `Retry-After` seconds, then send the request again. Wait longer after each failure.',
})

/** Makes a 400 that lists these faults. */
export function invalid(faults: readonly Fault[]): Error {
  return Object.assign(new InvalidRequest(), { faults })
}
