import type { FastifyReply, FastifyRequest } from 'fastify'
import { createHmac, hash } from 'node:crypto'
import type { Kysely, Transaction } from 'kysely'
import { tryLockIdempotencyKey } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { IdempotencyKeyReused, invalid, RequestInFlight } from '../errors.ts'
import { canonicalJson } from '../values/canonical-json.ts'
import { toTimestamp } from '../values/instants.ts'

const keptMs = 72 * 3_600_000
const forgottenAtOnce = 5000

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

/**
 * Runs a use case in one transaction and, where the client sent an Idempotency-Key, stores its answer in the same one. The
 * secrets, the newest first, key the hashes of requests: a body with payout details could be guessed from a plain hash.
 * Without secrets the service takes no payout details.
 */
export function createWrite(db: Kysely<Database>, secrets: readonly Buffer[]): Write {
  const running = new Set<string>()

  async function alone<Result>(keyHash: Buffer, work: () => Promise<Result>): Promise<Result> {
    const id = keyHash.toString('latin1')
    // The lock says so of all instances; what this one knows need not cost a connection.
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
    const { status, body } = await (key === undefined
      ? db.transaction().execute(work)
      : alone(hashKey(request, key), () =>
          db.transaction().execute((trx) => once(trx, { request, reply, key, secrets }, work)),
        ))
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
  throw invalid([
    { pointer: 'Idempotency-Key', detail: 'The header must be 1 to 255 visible ASCII characters.' },
  ])
}

interface Keyed {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly key: string
  readonly secrets: readonly Buffer[]
}

async function once<Body>(
  trx: Transaction<Database>,
  { request, reply, key, secrets }: Keyed,
  work: (trx: Transaction<Database>) => Promise<Outcome<Body>>,
): Promise<Outcome<Body>> {
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

// By lineage: a client that repeats a request with its rotated key gets the answer to the first one.
function hashKey({ caller, method, url }: FastifyRequest, key: string): Buffer {
  const path = url.split('?', 1)[0]
  return hash('sha256', JSON.stringify([caller.lineage, method, path, key]), 'buffer')
}

/** The hash to store of a body, and all by which it is known again: of every secret, and of none as they were once stored. */
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

/** Deletes answers past their 72 hours, some at a time, so that no statement takes long; returns how many. */
export async function forgetOldAnswers(db: Kysely<Database>): Promise<number> {
  let forgotten = 0
  for (;;) {
    const { numDeletedRows } = await db
      .deleteFrom('idempotency_keys')
      .where('key_hash', 'in', (old) =>
        old
          .selectFrom('idempotency_keys')
          .select('key_hash')
          .where('created_at', '<=', keptSince())
          .limit(forgottenAtOnce),
      )
      .executeTakeFirstOrThrow()
    forgotten += Number(numDeletedRows)
    if (numDeletedRows < forgottenAtOnce) return forgotten
  }
}

function keptSince(): string {
  return toTimestamp(Date.now() - keptMs)
}
