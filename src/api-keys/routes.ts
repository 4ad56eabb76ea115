import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Kysely } from 'kysely'
import { Type } from '@sinclair/typebox'
import { actorOf } from '../audit/actors.ts'
import type { Database } from '../database/tables.ts'
import { invalid } from '../errors.ts'
import { parseInstant, toTimestamp } from '../values/instants.ts'
import { allowNoBody } from '../http/json.ts'
import { answers } from '../http/problems.ts'
import type { Write } from '../http/idempotency.ts'
import { describe, Id, Page, ref, Strict } from '../values/schemas.ts'
import { changeKey, endKey } from './change-key.ts'
import { issueKey, rotateKey } from './issue.ts'
import { listKeyPage } from './queries.ts'
import {
  ApiKeyAnswer,
  ApiKeyChange,
  ApiKeyList,
  type IssuedApiKey,
  IssuedApiKeyAnswer,
  NewApiKey,
  Rotation,
} from './schemas.ts'

interface ApiKeysOptions {
  readonly db: Kysely<Database>
  readonly write: Write
  /** Clears the cached callers, so that this instance refuses a revoked key at once. */
  readonly forgetCallers: () => void
}

const tags = ['API keys']
const keyParams = Type.Object({ keyId: describe(Id, 'The id of the API key, not its secret.') })

const listApiKeys = {
  operationId: 'listApiKeys',
  summary: 'List API keys, newest first, without their secrets',
  description: 'All keys, including revoked and expired ones. The service stores only hashes of the secrets.',
  tags,
  querystring: Strict(Page),
  response: answers({ 200: ref(ApiKeyList) }),
}

const createApiKey = {
  operationId: 'createApiKey',
  summary: 'Create an API key; its secret is shown once',
  description:
    'Creates a key. It cannot have a scope that the key of the request lacks (403), nor expire later than that key (400). The secret is only in this answer, not even in the replay of an idempotent request.',
  tags,
  body: ref(NewApiKey),
  response: answers({ 201: ref(IssuedApiKeyAnswer) }),
}

const rotateApiKey = {
  operationId: 'rotateApiKey',
  summary: 'Replace an API key with a new one',
  description:
    'Creates a key with the same name, scopes, limit and expiry. The old key works until the overlap ends. A request repeated with the new key gets the answer that is stored for its Idempotency-Key. While the new key works, the old one cannot be rotated again (409).',
  tags,
  params: keyParams,
  body: ref(Rotation),
  response: answers({ 201: ref(IssuedApiKeyAnswer) }, 404, 409),
}

const updateApiKey = {
  operationId: 'updateApiKey',
  summary: 'Change the name, limit or expiry of an API key',
  description:
    'Changes the fields that the body names. Scopes never change. The last admin key cannot get an expiry, and a revoked or expired key cannot be changed (409).',
  tags,
  params: keyParams,
  body: ref(ApiKeyChange),
  response: answers({ 200: ref(ApiKeyAnswer) }, 404, 409),
}

const revokeApiKey = {
  operationId: 'revokeApiKey',
  summary: 'Revoke an API key',
  description:
    'Revokes a key: every instance refuses it within 5 seconds. The last admin key cannot be revoked (409).',
  tags,
  params: keyParams,
  response: answers({ 200: ref(ApiKeyAnswer) }, 404, 409),
}

export const apiKeys: FastifyPluginAsyncTypebox<ApiKeysOptions> = async (
  app,
  { db, write, forgetCallers },
) => {
  const config = { scope: 'admin' }

  app.get('/api-keys', { schema: listApiKeys, config }, async ({ query }) => {
    const { page, pagination } = await listKeyPage(db, query)
    return { api_keys: page, pagination }
  })

  app.post('/api-keys', { schema: createApiKey, config }, (request, reply) =>
    write(request, reply, async (trx) =>
      issued(await issueKey(trx, readExpiry(request.body), actorOf(request))),
    ),
  )

  app.patch('/api-keys/:keyId', { schema: updateApiKey, config }, async (request, reply) => {
    const change = readExpiry(request.body)
    const answer = await write(request, reply, async (trx) => ({
      status: 200,
      body: { api_key: await changeKey(trx, { id: request.params.keyId, change, actor: actorOf(request) }) },
    }))
    forgetCallers()
    return answer
  })

  app.post(
    '/api-keys/:keyId/rotate',
    { schema: rotateApiKey, config, preValidation: allowNoBody },
    async (request, reply) => {
      const { params, body } = request
      const rotation = {
        id: params.keyId,
        overlapMinutes: body.overlap_minutes ?? 60,
        actor: actorOf(request),
      }
      const answer = await write(request, reply, async (trx) => issued(await rotateKey(trx, rotation)))
      forgetCallers()
      return answer
    },
  )

  app.delete(
    '/api-keys/:keyId',
    { schema: revokeApiKey, config },
    async ({ params: { keyId }, caller, id }) => {
      const actor = actorOf({ caller, id })
      const api_key = await db.transaction().execute((trx) => endKey(trx, keyId, actor))
      forgetCallers()
      return { api_key }
    },
  )
}

function issued(api_key: IssuedApiKey) {
  return { status: 201 as const, body: { api_key }, replay: { api_key: { ...api_key, key: null } } }
}

function readExpiry<Body extends Pick<NewApiKey, 'expires_at'>>(body: Body): Body {
  const at = parseInstant(body.expires_at ?? '')?.at
  if (at === undefined) return body
  if (at <= Date.now()) throw invalid([{ pointer: '/expires_at', detail: 'The instant is in the past.' }])
  return { ...body, expires_at: toTimestamp(at) }
}
