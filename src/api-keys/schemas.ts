import { type Static, Type } from '@sinclair/typebox'
import { Id, Listing, Nullable, OneOf, ref, Strict, Text, Timestamp } from '../values/schemas.ts'

export const scopes = ['read', 'write', 'admin', 'payouts:read', 'payouts:write', 'payments:approve'] as const
export const Scope = OneOf(scopes, {
  $id: 'Scope',
  description:
    '`admin` includes `write`, which includes `read`. No scope includes `payouts:read` (payout details in clear), `payouts:write` (set and erase them) or `payments:approve`.',
})
export type Scope = Static<typeof Scope>

const properties = {
  name: Text(100),
  scopes: Type.Array(ref(Scope), { minItems: 1, uniqueItems: true }),
  rate_limit_max: Nullable(
    Type.Integer({
      minimum: 1,
      maximum: 1_000_000_000,
      description: 'Requests a window; null takes the service-wide limit.',
    }),
  ),
  expires_at: Nullable(Timestamp),
}

export const ApiKey = Type.Object(
  {
    id: Id,
    ...properties,
    revoked_at: Nullable(Timestamp),
    last_used_at: Nullable(Timestamp),
    rotated_from: Nullable(Type.String({ description: 'The key that this one replaced.' })),
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
        description: 'The secret, shown this once; null in the replay of an idempotent request.',
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
          description: 'No later than the end of the key that makes it, which is what it takes unless sent.',
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
        description: 'How long the old key still works.',
      }),
    ),
  },
  { $id: 'Rotation' },
)
export type Rotation = Static<typeof Rotation>

/** What the row holds beside the resource: the secret's hash, and the first key of its chain where that is another. */
export type ApiKeyRow = ApiKey & { key_hash: Buffer; lineage: string | null }
