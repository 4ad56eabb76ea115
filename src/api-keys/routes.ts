import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Kysely } from 'kysely'
import { Type } from '@sinclair/typebox'
import type { Database } from '../database/tables.ts'
import { invalid } from '../errors.ts'
import { parseInstant, toTimestamp } from '../http/instants.ts'
import { allowNoBody } from '../http/json.ts'
import { answers } from '../http/problems.ts'
import type { Write } from '../http/idempotency.ts'
import { Id, Page, ref, Strict } from '../http/schemas.ts'
import { endKey, issueKey, rotateKey } from './issue.ts'
import { listKeyPage } from './queries.ts'
import {
  ApiKeyAnswer,
  ApiKeyList,
  type IssuedApiKey,
  IssuedApiKeyAnswer,
  NewApiKey,
  Rotation,
} from './schemas.ts'

interface Needs {
  readonly db: Kysely<Database>
  readonly write: Write
  /** Drops what this instance remembers of keys, so that a revocation holds here at once. */
  readonly forgetCallers: () => void
}

const tags = ['API keys']
const keyParams = Type.Object({ keyId: Id })

const listApiKeys = {
  operationId: 'listApiKeys',
  summary: 'List API keys, newest first; never their secrets',
  description:
    'Every key, revoked and expired ones too. What is stored of a secret cannot be turned back into it.',
  tags,
  querystring: Strict(Page),
  response: answers({ 200: ref(ApiKeyList) }),
}

const createApiKey = {
  operationId: 'createApiKey',
  summary: 'Make an API key; its secret is shown this once',
  description:
    'Makes a key with the scopes it needs. Its secret is in this answer and nowhere else, not even in the replay of an idempotent request.',
  tags,
  body: ref(NewApiKey),
  response: answers({ 201: ref(IssuedApiKeyAnswer) }),
}

const rotateApiKey = {
  operationId: 'rotateApiKey',
  summary: 'Replace an API key by a new one, with an overlap',
  description: 'Makes a key of the same name, scopes and limit; the old one works until the overlap is over.',
  tags,
  params: keyParams,
  body: ref(Rotation),
  response: answers({ 201: ref(IssuedApiKeyAnswer) }, 404, 409),
}

const revokeApiKey = {
  operationId: 'revokeApiKey',
  summary: 'Revoke an API key',
  description:
    'Ends a key: every instance refuses it within five seconds. The last admin key stays, for nobody could make another.',
  tags,
  params: keyParams,
  response: answers({ 200: ref(ApiKeyAnswer) }, 404, 409),
}

export const apiKeys: FastifyPluginAsyncTypebox<Needs> = async (app, { db, write, forgetCallers }) => {
  const config = { scope: 'admin' }

  app.get('/api-keys', { schema: listApiKeys, config }, async ({ query }) => {
    const { page, pagination } = await listKeyPage(db, query)
    return { api_keys: page, pagination }
  })

  app.post('/api-keys', { schema: createApiKey, config }, (request, reply) =>
    write(request, reply, async (trx) => issued(await issueKey(trx, readNewKey(request.body)))),
  )

  app.post(
    '/api-keys/:keyId/rotate',
    { schema: rotateApiKey, config, preValidation: allowNoBody },
    async (request, reply) => {
      const { keyId } = request.params
      const answer = await write(request, reply, async (trx) =>
        issued(await rotateKey(trx, keyId, request.body.overlap_minutes ?? 60)),
      )
      forgetCallers()
      return answer
    },
  )

  app.delete('/api-keys/:keyId', { schema: revokeApiKey, config }, async ({ params }) => {
    const api_key = await db.transaction().execute((trx) => endKey(trx, params.keyId))
    forgetCallers()
    return { api_key }
  })
}

function issued(api_key: IssuedApiKey) {
  return { status: 201 as const, body: { api_key }, replay: { api_key: { ...api_key, key: null } } }
}

function readNewKey(body: NewApiKey): NewApiKey {
  const at = parseInstant(body.expires_at ?? '')?.at
  if (at === undefined) return body
  if (at <= Date.now())
    throw invalid([{ pointer: '/expires_at', detail: 'The key would have expired already.' }])
  return { ...body, expires_at: toTimestamp(at) }
}
