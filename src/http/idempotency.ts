import type { FastifyReply, FastifyRequest } from 'fastify'
import { createHmac, hash } from 'node:crypto'
import { type Kysely, sql, type Transaction } from 'kysely'
import { deleteInBatches } from '../database/delete-in-batches.ts'
import { tryLockIdempotencyKey } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { IdempotencyKeyReused, invalid, RequestInFlight } from '../errors.ts'
import { canonicalJson } from '../values/canonical-json.ts'
import { toTimestamp } from '../values/instants.ts'

const keptMs = 72 * 3_600_000

/** The answer of a write: 201 if it created something, 202 if a job does the rest. `replay` is the body for a repeated request, if it must differ. */
export interface WriteOutcome<Body> {
  readonly status: 200 | 201 | 202
  readonly body: Body
  readonly replay?: Body
}

type Work<Body> = (trx: Transaction<Database>) => Promise<WriteOutcome<Body>>

/** A use case that can share its transaction with those of other requests. */
export interface SharedWork<Body> {
  readonly alone: Work<Body>
  readonly together: () => Promise<WriteOutcome<Body>>
}

/**
 * Runs a use case and sets the status of the reply. Returns the body. A request with an Idempotency-Key gets a transaction
 * of its own. Errors: 409 and 422, from the Idempotency-Key.
 */
export type Write = <Body>(
  request: FastifyRequest,
  reply: FastifyReply,
  work: Work<Body> | SharedWork<Body>,
) => Promise<Body>

/**
 * Runs use cases, each in one transaction. If the client sent an Idempotency-Key, the answer is stored in the same
 * transaction. The secrets, newest first, key the hashes of bodies, because payout details could be guessed from a plain
 * hash. Without secrets the service accepts no payout details.
 */
export function createWrite(db: Kysely<Database>, secrets: readonly Buffer[]): Write {
  const running = new Set<string>()

  async function runExclusively<Result>(keyHash: Buffer, work: () => Promise<Result>): Promise<Result> {
    const id = keyHash.toString('latin1')
    // The lock covers all instances; within this one, a set saves the connection.
    if (running.has(id)) throw inFlight()
    running.add(id)
    try {
      return await work()
    } finally {
      running.delete(id)
    }
  }

  return async (request, reply, work) => {
    const key = readIdempotencyKey(request)
    const { alone, together } =
      typeof work === 'function' ? { alone: work, together: () => db.transaction().execute(work) } : work
    const { status, body } = await (key === undefined
      ? together()
      : runExclusively(hashKey(request, key), () =>
          db.transaction().execute((trx) => runOnce(trx, { request, reply, key, secrets }, alone)),
        ))
    void reply.code(status)
    return body
  }
}

/** The Idempotency-Key, bare or quoted. Errors: 400 unless it is 1 to 255 visible ASCII characters. */
function readIdempotencyKey({ headers }: FastifyRequest): string | undefined {
  const header = headers['idempotency-key']
  if (header === undefined) return undefined
  const key = typeof header === 'string' ? header.replace(/^"(.*)"$/, '$1') : ''
  if (/^[\x21-\x7e]{1,255}$/.test(key)) return key
  throw invalid([
    {
      pointer: 'Idempotency-Key',
      detail: 'The header must be 1 to 255 visible ASCII characters, such as a UUID.',
    },
  ])
}

interface KeyedRequest {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly key: string
  readonly secrets: readonly Buffer[]
}

/** Replays the stored answer of an earlier request with this key, or does the work and stores its answer. */
async function runOnce<Body>(
  trx: Transaction<Database>,
  { request, reply, key, secrets }: KeyedRequest,
  work: (trx: Transaction<Database>) => Promise<WriteOutcome<Body>>,
): Promise<WriteOutcome<Body>> {
  const key_hash = hashKey(request, key)
  const { request_hash, known } = hashBody(request.body, key, secrets)
  if (!(await tryLockIdempotencyKey(trx, key_hash))) throw inFlight()

  const stored = await trx
    .selectFrom('idempotency_keys')
    .select(['request_hash', 'status', 'answer'])
    .where('key_hash', '=', key_hash)
    .where('created_at', '>', keptSince())
    .executeTakeFirst()
  if (stored !== undefined) {
    if (!known.some((one) => one.equals(stored.request_hash))) throw new IdempotencyKeyReused()
    void reply.header('idempotency-replayed', 'true')
    return { status: stored.status as 200 | 201 | 202, body: stored.answer as Body }
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

// With the lineage: a client that rotates its API key and repeats a request gets the stored answer.
function hashKey({ caller, method, url }: FastifyRequest, key: string): Buffer {
  const path = url.split('?', 1)[0]
  return hash('sha256', JSON.stringify([caller.lineage, method, path, key]), 'buffer')
}

/** The hash of a body to store, and all hashes that match it: one per secret, and the plain one of earlier releases. */
function hashBody(body: unknown, key: string, secrets: readonly Buffer[]) {
  const plain = createHmac('sha256', key)
    .update(canonicalJson(body ?? null))
    .digest()
  const keyed = secrets.map((secret) => createHmac('sha256', secret).update(plain).digest())
  return { request_hash: keyed[0] ?? plain, known: [...keyed, plain] }
}

function inFlight(): Error {
  return Object.assign(new RequestInFlight(), { retryAfter: 1 })
}

/** Deletes the stored answers older than 72 hours. Returns their number. */
export function forgetOldAnswers(db: Kysely<Database>): Promise<number> {
  return deleteInBatches(db, 'idempotency_keys', sql`created_at <= ${keptSince()}`)
}

function keptSince(): string {
  return toTimestamp(Date.now() - keptMs)
}
