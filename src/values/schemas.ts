import { type Static, type TProperties, type TSchema, Type } from '@sinclair/typebox'

/** A client's natural key or a generated id; safe in a path as it stands. */
export const Id = Type.String({
  minLength: 1,
  maxLength: 128,
  pattern: '^(?!\\.{1,2}$)[A-Za-z0-9_.:~-]+$',
})

/** An ISO 8601 instant with its offset, 1970 to 9999; finer fractions are cut to milliseconds. */
export const Timestamp = Type.String({ format: 'date-time' })

/** A calendar day, or an instant, as a bound of a filter. */
export const DateBound = Type.String({
  format: 'date-or-date-time',
  description: 'A date (that whole day in UTC) or an instant with its offset.',
})

/** Major units of a currency, with no more decimals than it has. */
export const Amount = Type.Number({
  minimum: 0.0001,
  maximum: 999_999_999_999_999,
  description: 'In units of the currency, with no more decimals than it has.',
})

/** Money that the service worked out: may be zero. */
export const Money = Type.Number({
  description: 'In units of the currency; exact to the minor unit up to 5,000,000,000,000,000 of them.',
})

export const Currency = Type.String({
  pattern: '^[A-Z]{3}$',
  description: 'An ISO 4217 code.',
})

/** Text a person reads: no control characters, not blank. */
export function Text(maxLength: number) {
  return Type.String({
    minLength: 1,
    maxLength,
    pattern: '^(?!\\s*$)[^\\u0000-\\u001f\\u007f]*$',
  })
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

/** A reference to a schema that stands in resources.ts under its `$id`. */
export function ref<Schema extends TSchema>(schema: Schema) {
  return Type.Unsafe<Static<Schema>>({ $ref: `${String(schema.$id)}#` })
}

/** A body or a query: exactly these fields. */
export function Strict<Properties extends TProperties>(properties: Properties, options: object = {}) {
  return Type.Object(properties, { additionalProperties: false, ...options })
}

/** Rows that a page may skip by its offset. */
export const mostSkipped = 10_000

export const Page = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
  offset: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: mostSkipped,
      description: 'Rows that are skipped take time: page by cursor where they are many.',
    }),
  ),
  cursor: Type.Optional(
    Type.String({
      maxLength: 2048,
      pattern: '^[A-Za-z0-9_-]+$',
      description: 'The `next_cursor` of the page before; not together with `offset`.',
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
          'Rows of all pages, where they need not be counted for it: of rankings, and where a page by offset is the last.',
      }),
    ),
    next_cursor: Nullable(Type.String({ description: 'Null on the last page.' })),
  },
  { $id: 'Pagination' },
)

export function Listing<Properties extends TProperties>(properties: Properties, options: object = {}) {
  return Type.Object({ ...properties, pagination: ref(Pagination) }, options)
}
