import { type Static, Type } from '@sinclair/typebox'
import { touchpointTypes } from '../attribution/touch.ts'
import { Fault, ProblemCode } from '../values/problem.ts'
import { Id, Listing, Nullable, OneOf, ref, Strict, Text, Timestamp } from '../values/schemas.ts'

/** What one deal holds at most, void touchpoints included: they are read with it too. */
export const mostTouchpoints = 5000
export const mostPartners = 500

export const TouchpointType = OneOf(touchpointTypes, { $id: 'TouchpointType' })

const metadata = Type.Unsafe<Record<string, unknown>>({
  type: 'object',
  additionalProperties: true,
  description: 'Anything of yours, up to 16 kB and 16 levels deep; kept as sent.',
})

export const Event = Type.Object(
  {
    id: Id,
    partner_id: Id,
    deal_id: Id,
    touchpoint_type: ref(TouchpointType),
    timestamp: Timestamp,
    metadata: Nullable(metadata),
    voided_at: Nullable(Timestamp),
    void_reason: Nullable(Type.String()),
    created_at: Timestamp,
  },
  { $id: 'Event', description: 'A touchpoint: what a partner did on a deal, and when.' },
)
export type Event = Static<typeof Event>

export const EventAnswer = Type.Object({ event: ref(Event) }, { $id: 'EventAnswer' })

export const EventPage = Listing({ events: Type.Array(ref(Event)) }, { $id: 'EventPage' })
export type EventPage = Static<typeof EventPage>

export const NewEvent = Strict(
  {
    id: Type.Optional(Id),
    partner_id: Id,
    deal_id: Id,
    touchpoint_type: ref(TouchpointType),
    timestamp: Type.Optional(Timestamp),
    metadata: Type.Optional(metadata),
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
      description: 'Events that an earlier request, or an earlier line of this one, had stored.',
    }),
  },
  { $id: 'Accepted' },
)
export type Accepted = Static<typeof Accepted>

/** An event as a line of an import; its `id` makes a second run change nothing. */
export const EventLine = Strict(
  { ...NewEvent.properties, id: Id, kind: Type.Optional(OneOf(['event'])) },
  { $id: 'EventLine' },
)
export type EventLine = Static<typeof EventLine>

export const RefusedLine = Type.Object(
  {
    line: Type.Integer({ description: 'Counted from 1.' }),
    code: ref(ProblemCode),
    detail: Type.String(),
    errors: Type.Array(ref(Fault), { description: 'Its faults, up to 10.' }),
  },
  { $id: 'RefusedLine' },
)
export type RefusedLine = Static<typeof RefusedLine>

export const ImportReport = Type.Object(
  {
    accepted: Type.Integer({ description: 'Lines whose events this request stored.' }),
    duplicates: Type.Integer({
      description: 'Lines whose events were stored before, or by an earlier line.',
    }),
    refused: Type.Integer({ description: 'Lines that were left out.' }),
    refusals: Type.Array(ref(RefusedLine), {
      description: 'The first of them by line: up to 1000, and up to 256 kB together.',
    }),
  },
  { $id: 'ImportReport' },
)
export type ImportReport = Static<typeof ImportReport>

export const VoidReason = Strict({ reason: Text(500) }, { $id: 'VoidReason' })
export type VoidReason = Static<typeof VoidReason>

/** What the row holds beside the resource: the versions of its deal that know it, and the submission's digest. */
export type EventRow = Event & { known_from: number; void_from: number | null; submission: Buffer }
