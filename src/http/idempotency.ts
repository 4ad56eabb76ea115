import type { FastifyReply, FastifyRequest } from 'fastify'
import { createHmac, hash } from 'node:crypto'
import type { Kysely, Transaction } from 'kysely'
import { tryLockIdempotencyKey } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { IdempotencyKeyReused, invalid, RequestInFlight } from '../errors.ts'
import { canonicalJson } from './canonical.ts'
import { toTimestamp } from './instants.ts'

const keptMs = 72 * 3_600_000

/** What a write did: 201 where it made something, and `replay` where a repeated request must not read the same answer. */
export interface Outcome<Body> {
  readonly status: 200 | 201
  readonly body: Body
  readonly replay?: Body
}

export type Write = <Body>(
  request: FastifyRequest,
  reply: FastifyReply,
  work: (trx: Transaction<Database>) => Promise<Outcome<Body>>,
) => Promise<Body>

/** Runs a use case in one transaction and, where the client sent an Idempotency-Key, stores its answer in the same one. */
export function createWrite(db: Kysely<Database>): Write {
  return async (request, reply, work) => {
    const key = readIdempotencyKey(request)
    const { status, body } = await db
      .transaction()
      .execute((trx) => (key === undefined ? work(trx) : once(trx, request, reply, key, work)))
    void reply.code(status)
    return body
  }
}

/** The Idempotency-Key, bare or quoted. Errors: 400 unless it is 1 to 255 visible ASCII characters. */
export function readIdempotencyKey({ headers }: FastifyRequest): string | undefined {
  const header = headers['idempotency-key']
  if (header === undefined) return undefined
  const key = typeof header === 'string' ? header.replace(/^"(.*)"$/, '$1') : ''
  if (/^[\x21-\x7e]{1,255}$/.test(key)) return key
  throw invalid({
    pointer: 'Idempotency-Key',
    detail: 'The header must be 1 to 255 visible ASCII characters.',
  })
}

async function once<Body>(
  trx: Transaction<Database>,
  request: FastifyRequest,
  reply: FastifyReply,
  key: string,
  work: (trx: Transaction<Database>) => Promise<Outcome<Body>>,
): Promise<Outcome<Body>> {
  const path = request.url.split('?', 1)[0]
  const key_hash = hash('sha256', JSON.stringify([request.caller.id, request.method, path, key]), 'buffer')
  const request_hash = createHmac('sha256', key)
    .update(canonicalJson(request.body ?? null))
    .digest()
  if (!(await tryLockIdempotencyKey(trx, key_hash)))
    throw Object.assign(new RequestInFlight(), { retryAfter: 1 })

  const stored = await trx
    .selectFrom('idempotency_keys')
    .select(['request_hash', 'status', 'answer'])
    .where('key_hash', '=', key_hash)
    .where('created_at', '>', keptSince())
    .executeTakeFirst()
  if (stored !== undefined) {
    if (!stored.request_hash.equals(request_hash)) throw new IdempotencyKeyReused()
    void reply.header('idempotency-replayed', 'true')
    return { status: stored.status as 200 | 201, body: stored.answer as Body }
  }
  const outcome = await work(trx)
  const answer = JSON.stringify(outcome.replay ?? outcome.body)
  const row = { key_hash, request_hash, status: outcome.status, answer, created_at: toTimestamp(Date.now()) }
  await trx
    .insertInto('idempotency_keys')
    .values(row)
    .onConflict((conflict) => conflict.column('key_hash').doUpdateSet(row))
    .execute()
  return outcome
}

/** Deletes answers past their 72 hours; returns how many. */
export async function forgetOldAnswers(db: Kysely<Database>): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('idempotency_keys')
    .where('created_at', '<=', keptSince())
    .executeTakeFirstOrThrow()
  return Number(numDeletedRows)
}

function keptSince(): string {
  return toTimestamp(Date.now() - keptMs)
}
