import { type Static, Type } from '@sinclair/typebox'
import {
  Currency,
  DeclaredId,
  describe,
  Id,
  LineId,
  Listing,
  Matching,
  Metadata,
  Money,
  NewId,
  Nullable,
  OneOf,
  ref,
  Strict,
  Text,
  Timestamp,
} from '../values/schemas.ts'

export const PartnerStatus = OneOf(['active', 'inactive'], {
  $id: 'PartnerStatus',
  description:
    'An `inactive` partner takes no events dated while it was inactive (409). It keeps its payouts, and deals that close later credit it for earlier events, unless `credit_after_leaving` is false.',
})

const detailName = Matching(
  '^[a-z][a-z0-9_]{0,39}$',
  'must be named like bank_account: up to 40 lower-case letters, digits and _, a letter first',
)

/** Up to 20 short strings, such as bank account and tax id. */
export const PayoutDetails = Type.Record(detailName, Text(200), {
  $id: 'PayoutDetails',
  maxProperties: 20,
  additionalProperties: false,
  description:
    'Up to 20 texts, such as an IBAN and a tax id. They are encrypted in the database and masked in every answer. An empty object means none.',
})

export type PayoutDetails = Static<typeof PayoutDetails>

const name = Text(200)
const email = Nullable(
  Type.String({
    format: 'idn-email',
    maxLength: 254,
    description:
      'Unique among partners, in any case: another partner with it is refused (409). Null: none. An address with other than ASCII characters is stored in lower case.',
  }),
)
const group = Nullable(
  describe(Text(100), 'A name of your own for partners that belong together. Null: none.'),
)
const metadata = Nullable(Metadata)
const credit_after_leaving = Type.Boolean({
  description:
    'Whether deals that close while the partner is `inactive` credit it for its earlier events and its agreed percentage. A deal uses the value of the day on which it closes: a change counts for deals that close from the next day on, in `TIME_ZONE`. Default: true.',
})

export const Partner = Type.Object(
  {
    id: Id,
    name,
    email,
    group,
    metadata,
    status: ref(PartnerStatus),
    left_at: Nullable(
      describe(
        Timestamp,
        'When it became inactive. Null while it is active, and if a release before 0.2.0 made it inactive: it takes no events then.',
      ),
    ),
    credit_after_leaving,
    merged_into: Nullable(
      describe(
        Id,
        'The partner that it was merged into: that one has its touchpoints and takes what is sent for it. Null: it was not merged.',
      ),
    ),
    payout_details: Type.Unsafe<Record<string, string> | null>({
      type: ['object', 'null'],
      additionalProperties: { type: 'string' },
      description:
        'Masked: of each value at most the last four characters, and at most a third, are shown. Null if there are none, and in the replay of an idempotent request.',
    }),
    created_at: describe(Timestamp, 'When the partner was registered.'),
    updated_at: describe(Timestamp, 'When the partner was last changed.'),
  },
  { $id: 'Partner' },
)
export type Partner = Static<typeof Partner>

export const NewPartner = Strict(
  {
    id: NewId,
    name,
    email: Type.Optional(email),
    group: Type.Optional(group),
    metadata: Type.Optional(metadata),
    credit_after_leaving: Type.Optional(credit_after_leaving),
    payout_details: Type.Optional(ref(PayoutDetails)),
  },
  { $id: 'NewPartner' },
)
export type NewPartner = Static<typeof NewPartner>

export const PartnerChange = Strict(
  {
    name: Type.Optional(name),
    email: Type.Optional(email),
    group: Type.Optional(group),
    metadata: Type.Optional(
      describe(metadata, 'Merged deeply into the stored object. Null removes it as a whole.'),
    ),
    payout_details: Type.Optional(ref(PayoutDetails)),
    status: Type.Optional(ref(PartnerStatus)),
    credit_after_leaving: Type.Optional(credit_after_leaving),
    note: Type.Optional(
      describe(Text(500), 'Why the partner is changed. The audit shows it with the change.'),
    ),
  },
  { $id: 'PartnerChange', minProperties: 1 },
)
export type PartnerChange = Static<typeof PartnerChange>

export const PartnerDeclaration = Strict(
  {
    ...Type.Omit(NewPartner, ['payout_details']).properties,
    id: DeclaredId,
    metadata: Type.Optional(describe(metadata, 'The whole object. Null: none.')),
    status: Type.Optional(ref(PartnerStatus)),
    note: PartnerChange.properties.note,
  },
  {
    $id: 'PartnerDeclaration',
    description:
      'What you know of a partner. A field that is left out keeps what is stored; for a new partner it takes its default. Payout details are set by `POST` and `PATCH` only.',
  },
)
export type PartnerDeclaration = Static<typeof PartnerDeclaration>

export const PartnerLine = Strict(
  { ...NewPartner.properties, id: LineId, kind: OneOf(['partner']) },
  { $id: 'PartnerLine' },
)
export type PartnerLine = Static<typeof PartnerLine>

export const DeclaredPartnerLine = Strict(
  { ...PartnerDeclaration.properties, id: LineId, kind: OneOf(['partner']) },
  { $id: 'DeclaredPartnerLine' },
)
export type DeclaredPartnerLine = Static<typeof DeclaredPartnerLine>

export const PartnerStats = Type.Object(
  {
    currency: Currency,
    total_deals: Type.Integer({ description: 'Deals that credit the partner.' }),
    total_payout: describe(Money, 'The sum of its current payouts, in units of the currency.'),
    total_attributions: Type.Integer({
      description: 'Touchpoints of the partner that count in these deals.',
    }),
  },
  { $id: 'PartnerStats' },
)
export type PartnerStats = Static<typeof PartnerStats>

export const PartnerAnswer = Type.Object({ partner: ref(Partner) }, { $id: 'PartnerAnswer' })

// A page of 1,000 objects of 16 kB would take too much memory.
export const ListedPartner = Type.Omit(Partner, ['metadata'], {
  $id: 'ListedPartner',
  description: 'A partner in a list: without its `metadata`.',
})
export type ListedPartner = Static<typeof ListedPartner>

export const PartnerPage = Listing({ partners: Type.Array(ref(ListedPartner)) }, { $id: 'PartnerPage' })

export const PartnerDetail = Type.Object(
  { partner: ref(Partner), stats: ref(PartnerStats) },
  { $id: 'PartnerDetail' },
)
export type PartnerDetail = Static<typeof PartnerDetail>

export const PayoutDetailsAnswer = Type.Object(
  {
    payout_details: Type.Unsafe<PayoutDetails | null>({
      type: ['object', 'null'],
      additionalProperties: { type: 'string' },
      description: 'Unmasked. Null if there are none.',
    }),
  },
  { $id: 'PayoutDetailsAnswer' },
)

export const NewMerge = Strict(
  {
    into: describe(Id, 'The partner that gets everything.'),
    reason: Text(500),
  },
  { $id: 'NewMerge' },
)
export type NewMerge = Static<typeof NewMerge>

export const Merge = Type.Object(
  {
    partner_id: describe(Id, 'The partner that is merged.'),
    into: describe(Id, 'The partner that gets everything.'),
    reason: Type.String(),
    deals_total: Type.Integer({ description: 'How many deals have to be moved; 0 until they are counted.' }),
    deals_moved: Type.Integer({ description: 'How many of them have been moved.' }),
    created_at: describe(Timestamp, 'When the merge was requested.'),
    finished_at: Nullable(describe(Timestamp, 'When the last deal was moved. Null: the merge is running.')),
  },
  { $id: 'Merge', description: 'The merge of a partner into another one, and its progress.' },
)
export type Merge = Static<typeof Merge>

export const MergeAnswer = Type.Object({ merge: ref(Merge) }, { $id: 'MergeAnswer' })

/** The row names the target as `into` is a word of SQL, and the API key of the request. */
export type MergeRow = Omit<Merge, 'into' | 'deals_total'> & {
  into_id: string
  deals_total: number | null
  api_key_id: string
}

/** The row has the details encrypted, and the digest of the submission without the details. */
export type PartnerRow = Omit<Partner, 'payout_details'> & {
  payout_details: Buffer | null
  /** Whether it is or ever was inactive. */
  has_left: boolean
  submission: Buffer
}
