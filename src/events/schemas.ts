import { type Static, Type } from '@sinclair/typebox'
import { touchpointTypes } from '../attribution/touch.ts'
import type { RevisionReason } from '../record/schemas.ts'
import {
  DateOrTimestamp,
  DeclaredId,
  describe,
  Id,
  LineId,
  Listing,
  NewId,
  Metadata,
  Nullable,
  OneOf,
  ref,
  Strict,
  Text,
  Timestamp,
} from '../values/schemas.ts'

/** The limits of one deal. Void touchpoints count too, because they are read with the deal. */
export const mostTouchpoints = 5000
export const mostPartners = 500
/** The earlier revisions that a deal keeps: they are read with it when an earlier version is explained. */
export const mostRevisions = 5000

export const TouchpointType = OneOf(touchpointTypes, {
  $id: 'TouchpointType',
  description: 'What the partner did. The model `role-based` weighs touchpoints by it.',
})

export const Event = Type.Object(
  {
    id: Id,
    partner_id: Id,
    deal_id: Id,
    touchpoint_type: ref(TouchpointType),
    timestamp: describe(
      Timestamp,
      'When the touchpoint happened. A split orders touchpoints by it, then by id.',
    ),
    metadata: Nullable(Metadata),
    voided_at: Nullable(describe(Timestamp, 'When the event was voided. Null while it counts.')),
    void_reason: Nullable(Type.String()),
    created_at: describe(Timestamp, 'When the service stored the event.'),
  },
  { $id: 'Event', description: 'A touchpoint: what a partner did on a deal, and when.' },
)
export type Event = Static<typeof Event>

export const EventAnswer = Type.Object({ event: ref(Event) }, { $id: 'EventAnswer' })

export const EventPage = Listing({ events: Type.Array(ref(Event)) }, { $id: 'EventPage' })
export type EventPage = Static<typeof EventPage>

export const NewEvent = Strict(
  {
    id: NewId,
    partner_id: Id,
    deal_id: describe(Id, 'The id of the deal, which may be recorded later.'),
    touchpoint_type: ref(TouchpointType),
    timestamp: Type.Optional(
      describe(
        DateOrTimestamp,
        'When the touchpoint happened: a date, which stands for the start of its day in the time zone of the service, or an instant with its offset, cut to milliseconds, at most 5 minutes ahead. Default: the time of the request. A touchpoint later than `close_grace_minutes` after the close of its deal is stored and earns nothing.',
      ),
    ),
    metadata: Type.Optional(Metadata),
  },
  { $id: 'NewEvent' },
)
export type NewEvent = Static<typeof NewEvent>

export const NewEvents = Strict(
  { events: Type.Array(ref(NewEvent), { minItems: 1, maxItems: 1000 }) },
  { $id: 'NewEvents' },
)
export type NewEvents = Static<typeof NewEvents>

export const Accepted = Type.Object(
  {
    accepted: Type.Integer({ description: 'Events stored by this request.' }),
    duplicates: Type.Integer({
      description: 'Events that were stored before, by another request or earlier in this one.',
    }),
  },
  { $id: 'Accepted' },
)
export type Accepted = Static<typeof Accepted>

/** An event as a line of an import. Its required `id` makes the import safe to repeat. */
export const EventLine = Strict(
  {
    ...NewEvent.properties,
    id: LineId,
    kind: Type.Optional(OneOf(['event'])),
  },
  { $id: 'EventLine' },
)
export type EventLine = Static<typeof EventLine>

export const EventDeclaration = Strict(
  {
    ...NewEvent.properties,
    id: DeclaredId,
    metadata: Type.Optional(Nullable(describe(Metadata, 'The whole object. Null: none.'))),
    note: Type.Optional(
      describe(Text(500), 'Why the event is corrected. The history shows it with the version.'),
    ),
  },
  {
    $id: 'EventDeclaration',
    description:
      'What you know of an event. A field that is left out keeps what is stored; for a new event it takes its default.',
  },
)
export type EventDeclaration = Static<typeof EventDeclaration>

export const DeclaredEventLine = Strict(
  { ...EventDeclaration.properties, id: LineId, kind: OneOf(['event']) },
  { $id: 'DeclaredEventLine' },
)
export type DeclaredEventLine = Static<typeof DeclaredEventLine>

export const VoidReason = Strict({ reason: Text(500) }, { $id: 'VoidReason' })
export type VoidReason = Static<typeof VoidReason>

export const EventRevision = Type.Object(
  {
    revision: Type.Integer({ description: '1, 2, 3 and so on. The last one is current.' }),
    ...Type.Omit(Event, ['id', 'created_at']).properties,
    known_at: describe(Timestamp, 'When the service stored the revision.'),
    replaced_at: Nullable(describe(Timestamp, 'When the next revision replaced it. Null: it is current.')),
    replaced_by: Nullable(
      Type.Unsafe<RevisionReason>({
        type: 'string',
        description: 'The reason of the change that replaced it, as in `VersionReason`. Null: it is current.',
      }),
    ),
    note: Nullable(Type.String({ description: 'Why it was replaced.' })),
    api_key_id: Nullable(Type.String({ description: 'The API key of the request that replaced it.' })),
  },
  { $id: 'EventRevision', description: 'An event as it was before or after a correction.' },
)
export type EventRevision = Static<typeof EventRevision>

export const EventRevisions = Listing(
  { revisions: Type.Array(ref(EventRevision)) },
  { $id: 'EventRevisions' },
)
export type EventRevisions = Static<typeof EventRevisions>

/** The row also has its day, the deal versions from which the event is known and void, and the digest of its submission. */
export type EventRow = Event & {
  /** The day on which reports count it. Null: stored by a release that kept none. */
  happened_on: string | null
  known_from: number
  void_from: number | null
  submission: Buffer
  revision: number
  /** When this revision replaced the one before. Null: it is the first. */
  revised_at: string | null
}

/** An earlier revision of an event, with the versions of its deal that read it. */
export type RevisionRow = Omit<EventRow, 'id' | 'happened_on' | 'submission'> & {
  event_id: string
  known_until: number
  replaced_at: string
  replaced_by: RevisionReason
  note: string | null
  api_key_id: string | null
}

interface ListedEvent {
  /** The stored JSON text. */
  readonly metadata: string | null
}

/**
 * The bytes of `before`, a list of events as JSON, and `after`. Metadata is not parsed: a page has up to 1,000 events, and
 * 16 kB of JSON text may become 200 kB of objects. One text of a page would need several times its 16 MB.
 */
export function serializeEvents(before: string, events: readonly ListedEvent[], after: string): Buffer {
  const texts = events.map(({ metadata, ...event }, n) => {
    const text = JSON.stringify(event)
    return `${n === 0 ? '' : ','}${text.slice(0, -1)},"metadata":${metadata ?? 'null'}}`
  })
  const parts = [`${before}[`, ...texts, `]${after}`]
  const bytes = Buffer.allocUnsafe(parts.reduce((sum, part) => sum + Buffer.byteLength(part), 0))
  let end = 0
  for (const part of parts) end += bytes.write(part, end)
  return bytes
}
