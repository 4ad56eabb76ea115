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
import { Id, Page, ref, Strict } from '../values/schemas.ts'
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
    'Makes a key with the scopes it needs, of those that the key you use holds (403), and no longer than that lives (400). Its secret is in this answer and nowhere else, not even in the replay of an idempotent request.',
  tags,
  body: ref(NewApiKey),
  response: answers({ 201: ref(IssuedApiKeyAnswer) }),
}

const rotateApiKey = {
  operationId: 'rotateApiKey',
  summary: 'Replace an API key by a new one, with an overlap',
  description:
    'Makes a key of the same name, scopes, limit and end; the old one works until the overlap is over. The new key finds the answers that are kept for the old one. While it works, to rotate the old one again is a 409.',
  tags,
  params: keyParams,
  body: ref(Rotation),
  response: answers({ 201: ref(IssuedApiKeyAnswer) }, 404, 409),
}

const updateApiKey = {
  operationId: 'updateApiKey',
  summary: 'Change the name, limit or end of an API key',
  description:
    'Changes what the body names and leaves the rest; scopes never change. The last admin key takes no end, and a key that has ended is not revived (409).',
  tags,
  params: keyParams,
  body: ref(ApiKeyChange),
  response: answers({ 200: ref(ApiKeyAnswer) }, 404, 409),
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
    write(request, reply, async (trx) =>
      issued(await issueKey(trx, readExpiry(request.body), actorOf(request))),
    ),
  )

  app.patch('/api-keys/:keyId', { schema: updateApiKey, config }, async (request, reply) => {
    const change = readExpiry(request.body)
    const answer = await write(request, reply, async (trx) => ({
      status: 200,
      body: { api_key: await changeKey(trx, request.params.keyId, change, actorOf(request)) },
    }))
    forgetCallers()
    return answer
  })

  app.post(
    '/api-keys/:keyId/rotate',
    { schema: rotateApiKey, config, preValidation: allowNoBody },
    async (request, reply) => {
      const { keyId } = request.params
      const answer = await write(request, reply, async (trx) =>
        issued(await rotateKey(trx, keyId, request.body.overlap_minutes ?? 60, actorOf(request))),
      )
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
  if (at <= Date.now())
    throw invalid([{ pointer: '/expires_at', detail: 'The key would have expired already.' }])
  return { ...body, expires_at: toTimestamp(at) }
}
