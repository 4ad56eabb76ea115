import { type Static, Type } from '@sinclair/typebox'
import { describe, Id, Listing, Nullable, OneOf, ref, Strict, Text, Timestamp } from '../values/schemas.ts'

export const scopes = ['read', 'write', 'admin', 'payouts:read', 'payouts:write', 'payments:approve'] as const
export const Scope = OneOf(scopes, {
  $id: 'Scope',
  description:
    'What a key may do. `admin` includes `write`, and `write` includes `read`. No scope includes `payouts:read` (read payout details unmasked), `payouts:write` (set and erase them) or `payments:approve`.',
})
export type Scope = Static<typeof Scope>

const properties = {
  name: Text(100),
  scopes: Type.Array(ref(Scope), { minItems: 1, uniqueItems: true }),
  rate_limit_max: Nullable(
    Type.Integer({
      minimum: 1,
      maximum: 1_000_000_000,
      description:
        'Requests per window of `RATE_LIMIT_WINDOW` minutes. Null: the limit of the service, `RATE_LIMIT_MAX`.',
    }),
  ),
  expires_at: Nullable(describe(Timestamp, 'When the key expires. Null: never.')),
}

export const ApiKey = Type.Object(
  {
    id: Id,
    ...properties,
    revoked_at: Nullable(describe(Timestamp, 'When the key was revoked. Null while it is not.')),
    last_used_at: Nullable(describe(Timestamp, 'When the key was last used. Updated at most once a minute.')),
    rotated_from: Nullable(Type.String({ description: 'The id of the key that this key replaced.' })),
    created_at: Timestamp,
  },
  { $id: 'ApiKey' },
)
export type ApiKey = Static<typeof ApiKey>

export const IssuedApiKey = Type.Object(
  {
    ...ApiKey.properties,
    key: Nullable(
      Type.String({
        description:
          'The secret, sent as `X-API-Key`. It is only in this answer; null in the replay of an idempotent request.',
      }),
    ),
  },
  { $id: 'IssuedApiKey' },
)
export type IssuedApiKey = Static<typeof IssuedApiKey>

export const ApiKeyList = Listing({ api_keys: Type.Array(ref(ApiKey)) }, { $id: 'ApiKeyList' })

export const ApiKeyAnswer = Type.Object({ api_key: ref(ApiKey) }, { $id: 'ApiKeyAnswer' })

export const IssuedApiKeyAnswer = Type.Object({ api_key: ref(IssuedApiKey) }, { $id: 'IssuedApiKeyAnswer' })

export const NewApiKey = Strict(
  {
    name: properties.name,
    scopes: properties.scopes,
    rate_limit_max: Type.Optional(properties.rate_limit_max),
    expires_at: Type.Optional(
      Nullable(
        Type.String({
          format: 'date-time',
          description:
            'When the key expires. Not later than the key of the request expires, which is the default. Null: never.',
        }),
      ),
    ),
  },
  { $id: 'NewApiKey' },
)
export type NewApiKey = Static<typeof NewApiKey>

export const ApiKeyChange = Strict(
  {
    name: Type.Optional(properties.name),
    rate_limit_max: Type.Optional(properties.rate_limit_max),
    expires_at: NewApiKey.properties.expires_at,
  },
  { $id: 'ApiKeyChange', minProperties: 1 },
)
export type ApiKeyChange = Static<typeof ApiKeyChange>

export const Rotation = Strict(
  {
    overlap_minutes: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 43_200,
        default: 60,
        description: 'For how many minutes the old key still works.',
      }),
    ),
  },
  { $id: 'Rotation' },
)
export type Rotation = Static<typeof Rotation>

/** The row also has the hash of the secret, and the first key of its chain of rotations unless it is that key itself. */
export type ApiKeyRow = ApiKey & { key_hash: Buffer; lineage: string | null }
