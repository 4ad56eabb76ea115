import { type Static, type StringOptions, type TProperties, type TSchema, Type } from '@sinclair/typebox'

// Patterns use no look-ahead and no \u escapes, because RE2 (Go) has neither. They run in linear time: no two parts of a
// pattern match the same character at the same place.

/** For each pattern, what a text that breaks it must be, as the end of a sentence. */
export const patternSentences = new Map<string, string>()

/** Text of a pattern. */
export function Matching(pattern: string, sentence: string, options: StringOptions = {}) {
  patternSentences.set(pattern, sentence)
  return Type.String({ pattern, ...options })
}

/**
 * An id of the client's system or a generated one: printable ASCII, no blank at the ends. Clients resolve `.` and `..` in
 * paths, so these are refused: one or two characters of which one is no dot, or more.
 */
export const Id = Matching(
  '^(?:[!-~]?[!-\\-/-~]|[!-\\-/-~]\\.|[!-~][ -~]+[!-~])$',
  'must be an id such as deal-123 or INV/2024/0001: printable ASCII characters, without blanks at its ends, but not . or .. alone',
  { minLength: 1, maxLength: 128 },
)

/** The id in a body that creates something. */
export const NewId = Type.Optional(
  describe(
    Id,
    'An id of your system; without it the service makes one. The same submission again under this id changes nothing and is answered with 200. Another submission under it is refused (409).',
  ),
)

/** The id in a line of an import, which makes the import safe to repeat. */
export const LineId = describe(
  Id,
  'An id of your system. A line with the id and content of a stored object changes nothing.',
)

/** The id in the body of a `PUT`. */
export const DeclaredId = Type.Optional(describe(Id, 'If it is sent, the id in the path.'))

/** An ISO 8601 instant with an offset, from 1970 to 9999. Finer fractions are cut to milliseconds. */
export const Timestamp = Type.String({ format: 'date-time' })

/** A day of the company's calendar. */
export const Day = Type.String({ format: 'date' })

/** A date, or an instant with an offset. */
export const DateOrTimestamp = Type.String({ format: 'date-or-date-time' })

/** The period of a report. */
export const ReportPeriod = {
  start_date: Type.Optional(
    describe(
      DateOrTimestamp,
      'The first day of the period, such as 2024-01-01. An instant must be the first of a day in `TIME_ZONE`.',
    ),
  ),
  end_date: Type.Optional(
    describe(
      DateOrTimestamp,
      'The last day of the period, such as 2024-01-31. It is included. An instant must be in the last second of a day in `TIME_ZONE`.',
    ),
  ),
}

/** The period of a list. */
export const ListPeriod = {
  start_date: Type.Optional(
    describe(
      DateOrTimestamp,
      'The first day (a date, in `TIME_ZONE`) or instant of the period. It is included.',
    ),
  ),
  end_date: Type.Optional(
    describe(
      DateOrTimestamp,
      'The last day (a date, in `TIME_ZONE`), which is included, or the instant at which the period ends, which is not.',
    ),
  ),
}

/** An amount that a client sends, in major units of a currency. */
export const Amount = Type.Number({
  minimum: 0.0001,
  maximum: 999_999_999_999_999,
  description:
    'In units of the currency, such as 1234.56 for USD. Above 0 and below 10^15 minor units. More decimals than the currency has are refused (400), never rounded.',
})

/** Money that the service computes, in major units of a currency. It may be zero. */
export const Money = Type.Number({
  description:
    'In units of the currency, such as 1234.56 for USD. Exact up to 5,000,000,000,000,000 minor units.',
})

/** What a currency must be, as the end of a sentence. */
export const currencyCode = 'must be the ISO 4217 code of a currency, such as USD'

export const Currency = Matching('^[A-Z]{3}$', currencyCode, {
  format: 'currency',
  description:
    'An ISO 4217 code, such as USD. The currency decides how many decimals its amounts have: USD 2, JPY 0, KWD 3.',
})

/** The currency of a report. */
export const ReportCurrency = describe(
  Currency,
  'The currency of all amounts in the answer, an ISO 4217 code. Default: `DEFAULT_CURRENCY` of the service. Amounts in other currencies are left out, not converted.',
)

/** Text for people: no control characters, not blank. */
export function Text(maxLength: number) {
  return Matching(
    '^[^\\S\\x00-\\x1f]*[^\\s\\x00-\\x1f\\x7f][^\\x00-\\x1f\\x7f]*$',
    'must be text in one line, without control characters, and not blank',
    { minLength: 1, maxLength },
  )
}

/** Data of the client; `metadata.ts` checks its size and depth. */
export const Metadata = Type.Unsafe<Record<string, unknown>>({
  type: 'object',
  additionalProperties: true,
  description:
    'A JSON object of your own, up to 16 kB and 16 levels deep. It is stored as sent and does not affect the split.',
})

/** The schema with a description for the place where it is used. */
export function describe<Schema extends TSchema>(schema: Schema, description: string): Schema {
  return { ...schema, description }
}

export function OneOf<const Values extends readonly string[]>(values: Values, options: object = {}) {
  return Type.Unsafe<Values[number]>({ type: 'string', enum: values, ...options })
}

export function Nullable<Schema extends TSchema>(schema: Schema) {
  return Type.Unsafe<Static<Schema> | null>({
    ...schema,
    type: [schema['type'], 'null'],
    ...(schema['enum'] === undefined ? {} : { enum: [...schema['enum'], null] }),
  })
}

/** A reference to a schema that resources.ts lists under its `$id`. */
export function ref<Schema extends TSchema>(schema: Schema) {
  return Type.Unsafe<Static<Schema>>({ $ref: `${String(schema.$id)}#` })
}

/** A body or a query: exactly these fields. */
export function Strict<Properties extends TProperties>(properties: Properties, options: object = {}) {
  return Type.Object(properties, { additionalProperties: false, ...options })
}

/** Rows that a page may skip by its offset. */
const mostSkipped = 10_000

export const Page = {
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 1000, default: 100, description: 'The most items on a page.' }),
  ),
  offset: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: mostSkipped,
      description: 'How many items to skip. Skipping takes time: for many items use `cursor`.',
    }),
  ),
  cursor: Type.Optional(
    Matching('^[A-Za-z0-9_-]+$', 'must be the next_cursor of the previous page', {
      maxLength: 2048,
      description: 'The `next_cursor` of the previous page. Not together with `offset`.',
    }),
  ),
}

export const Pagination = Type.Object(
  {
    limit: Type.Integer(),
    offset: Nullable(Type.Integer({ description: 'Null on a page reached by cursor.' })),
    total: Type.Optional(
      Type.Integer({
        description:
          'How many items all pages have. It is only there if the items need not be counted: in rankings, and on the last page by offset.',
      }),
    ),
    next_cursor: Nullable(
      Type.String({ description: 'Send it as `cursor` to get the next page. Null on the last page.' }),
    ),
  },
  { $id: 'Pagination' },
)

export function Listing<Properties extends TProperties>(properties: Properties, options: object = {}) {
  return Type.Object({ ...properties, pagination: ref(Pagination) }, options)
}
