import { type Static, Type } from '@sinclair/typebox'
import { describe, Id, Listing, Nullable, OneOf, ref, Timestamp } from '../values/schemas.ts'

export const AuditAction = OneOf(
  [
    'api_key.created',
    'api_key.changed',
    'api_key.rotated',
    'api_key.revoked',
    'partner.created',
    'partner.changed',
    'partner.merged',
    'payout_details.set',
    'payout_details.changed',
    'payout_details.read',
    'payout_details.erased',
    'commission_plan.created',
    'commission_plan.version_added',
    'commission_plan.default_set',
    'commission_plan.applied',
    'period.locked',
  ],
  { $id: 'AuditAction', description: 'What was done, as object and verb.' },
)

export const AuditSubject = OneOf(['api_key', 'partner', 'commission_plan', 'period'], {
  $id: 'AuditSubject',
  description: 'The kind of object that was read or changed.',
})

export const AuditActor = OneOf(['api_key', 'command_line', 'service'], {
  $id: 'AuditActor',
  description:
    'Who did it: `api_key`, a request with that key; `command_line`, the operator; `service`, the service itself, which creates the first key.',
})

const Fields = Type.Unsafe<Readonly<Record<string, unknown>>>({ type: 'object', additionalProperties: true })

export const AuditEntry = Type.Object(
  {
    id: Id,
    at: describe(Timestamp, 'When it was done.'),
    actor: ref(AuditActor),
    key_id: Nullable(Type.String({ description: 'The id of the API key; null for other actors.' })),
    action: ref(AuditAction),
    subject_kind: ref(AuditSubject),
    subject_id: Id,
    before: Nullable(describe(Fields, 'The changed fields before.')),
    after: Nullable(describe(Fields, 'The changed fields after.')),
    note: Nullable(Type.String({ description: 'Why it was done, as the request said.' })),
    request_id: Nullable(Type.String({ description: 'The `X-Request-Id` of the request.' })),
  },
  {
    $id: 'AuditEntry',
    description:
      'Who did what to which object, and when. `before` and `after` never contain secrets; for payout details they name the fields.',
  },
)
export type AuditEntry = Static<typeof AuditEntry>

export const AuditPage = Listing({ entries: Type.Array(ref(AuditEntry)) }, { $id: 'AuditPage' })

/** An API key in a request, the operator at the command line, or the service itself. */
export type Actor = Pick<AuditEntry, 'actor' | 'key_id' | 'request_id'>

export type NewAuditEntry = Pick<AuditEntry, 'action' | 'subject_kind' | 'subject_id'> &
  Partial<Pick<AuditEntry, 'before' | 'after' | 'note'>>
