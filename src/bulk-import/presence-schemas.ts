import { type Static, Type } from '@sinclair/typebox'
import { describe, Id, Nullable, OneOf, ref, Strict, Text } from '../values/schemas.ts'

export const SourceKind = OneOf(['deal', 'event'], {
  $id: 'SourceKind',
  description: 'What the ids of a source are those of.',
})

export const MissingTreatment = OneOf(['count', 'keep', 'void'], {
  $id: 'MissingTreatment',
  description:
    'What becomes of that which the source listed before, within the range, and lacks now. `count` changes nothing, not even what is remembered.',
})

export const SourceRange = Strict(
  {
    source: describe(
      Text(100),
      'A name for the export that comes again and again, such as hubspot-deals. A deal or an event belongs to one source.',
    ),
    kind: ref(SourceKind),
    ids: Type.Array(Id, {
      maxItems: 1000,
      description: 'All ids that the source holds within the range, in the order of their characters.',
    }),
    after: Type.Optional(
      Nullable(describe(Id, 'The range begins after this id. Null: with the first id there is.')),
    ),
    until: Type.Optional(Nullable(describe(Id, 'The last id of the range. Null: the range has no end.'))),
    missing: ref(MissingTreatment),
  },
  { $id: 'SourceRange' },
)
export type SourceRange = Static<typeof SourceRange>

export const Presence = Type.Object(
  {
    reinstated: Type.Integer({ description: 'How many void deals or events count again.' }),
    voided: Type.Integer(),
    missing_count: Nullable(
      Type.Integer({
        description:
          'How many the source listed before and lacks now, at most 1,000,000. Null unless `missing` is `count`.',
      }),
    ),
    is_complete: Type.Boolean({
      description: 'Whether the range is done. If not, send the request again: each changes up to 200.',
    }),
  },
  { $id: 'Presence' },
)
export type Presence = Static<typeof Presence>

/** A deal or an event that a source has listed. */
export interface SourceItem {
  source: string
  kind: SourceRange['kind']
  id: string
  /** When the source first lacked it. Null: its last list has it. */
  missing_since: string | null
}
