import { type Static, Type } from '@sinclair/typebox'
import { Id, Listing, Nullable, OneOf, ref, Timestamp } from '../values/schemas.ts'

export const AuditAction = OneOf(
  [
    'api_key.created',
    'api_key.changed',
    'api_key.rotated',
    'api_key.revoked',
    'partner.created',
    'partner.changed',
    'payout_details.set',
    'payout_details.changed',
    'payout_details.read',
    'payout_details.erased',
  ],
  { $id: 'AuditAction' },
)

export const AuditSubject = OneOf(['api_key', 'partner'], { $id: 'AuditSubject' })

export const AuditActor = OneOf(['api_key', 'command_line', 'service'], {
  $id: 'AuditActor',
  description: '`service` is the service itself, which makes the first key.',
})

const Facts = Type.Unsafe<Readonly<Record<string, unknown>>>({ type: 'object', additionalProperties: true })

export const AuditEntry = Type.Object(
  {
    id: Id,
    at: Timestamp,
    actor: ref(AuditActor),
    key_id: Nullable(Type.String({ description: 'The API key that acted; null for other actors.' })),
    action: ref(AuditAction),
    subject_kind: ref(AuditSubject),
    subject_id: Id,
    before: Nullable(Facts),
    after: Nullable(Facts),
    request_id: Nullable(Type.String({ description: 'The `X-Request-Id` of the request that did it.' })),
  },
  {
    $id: 'AuditEntry',
    description:
      'Who did what to which object, and when. `before` and `after` hold what changed, never a secret: of payout details they name the fields.',
  },
)
export type AuditEntry = Static<typeof AuditEntry>

export const AuditPage = Listing({ entries: Type.Array(ref(AuditEntry)) }, { $id: 'AuditPage' })

/** Who acts: an API key in a request, the operator at the command line, or the service itself. */
export type Actor = Pick<AuditEntry, 'actor' | 'key_id' | 'request_id'>

/** What an actor did, for the audit. */
export type NewAuditEntry = Pick<AuditEntry, 'action' | 'subject_kind' | 'subject_id'> &
  Partial<Pick<AuditEntry, 'before' | 'after'>>
