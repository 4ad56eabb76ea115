import { setTimeout } from 'node:timers/promises'
import { sql } from 'kysely'
import { nestedTexts } from './body-attacks.ts'
import { givenPartners } from './deal-attacks.ts'
import type { AttackAnswer } from './http-client.ts'
import { type Attack, createAnswerCounter, type Outcome } from './outcome.ts'
import type { Target } from './target.ts'

const longestLine = 131_000
const unknownProperties = `{${Array.from({ length: 16_000 }, (_, n) => `"${n.toString(36)}":0`).join()}}`
const nested = `${'['.repeat(10_000)}${']'.repeat(10_000)}`
const wide = `{"metadata":{"a":[${Array(40_000).fill('[]').join()}]}}`
const mostReportBytes = 300_000

/** Attacks by imports. */
export const importAttacks: readonly Attack[] = [
  { name: 'import: lines that are not JSON', run: (target) => importLines(target, 'no JSON '.repeat(64)) },
  { name: 'import: empty objects', run: (target) => importLines(target, '{}') },
  {
    name: 'import: lines of 16,000 unknown properties',
    run: (target) => importLines(target, unknownProperties),
  },
  { name: 'import: lines nested 10,000 deep', run: (target) => importLines(target, nested) },
  { name: 'import: lines of 40,000 lists', run: (target) => importLines(target, wide) },
  { name: 'import: lines nested to every depth', run: importNested },
  { name: 'import: only line breaks', run: (target) => importLines(target, '', 0) },
  {
    name: 'import: an endless line',
    run: (target) => importBytes(target, Buffer.alloc(65_536, 'x'), 1),
  },
  { name: 'import: idle uploads of many keys', run: holdUploads(() => setTimeout(5000)) },
  { name: 'import: very slow uploads of many keys', run: holdUploads(() => setTimeout(100)) },
  { name: 'import: a key revoked during its upload', run: revoke },
]

async function importLines(target: Target, line: string, refused?: number): Promise<Outcome> {
  const lines = Math.max(1, Math.floor(65_536 / (line.length + 1)))
  return importBytes(target, Buffer.from(`${line}\n`.repeat(lines)), refused)
}

/** Imports one part repeatedly, up to 131 MB or 256,000 bad lines. The report must count every line and stay small. */
async function importBytes({ send, key, pick }: Target, part: Buffer, refused?: number): Promise<Outcome> {
  const lines = refused ?? part.toString().split('\n').length - 1
  const parts = Math.ceil(
    Math.min(pick(131_000_000, 3_000_000) / part.length, pick(256_000, 20_000) / Math.max(1, lines)),
  )
  return importBody({ send, key }, repeatPart(part, parts), refused ?? lines * parts)
}

function* repeatPart(part: Buffer, times: number): Generator<Buffer> {
  for (let n = 0; n < times; n++) yield part
}

async function importNested(target: Target): Promise<Outcome> {
  const texts = [...nestedTexts(longestLine)].map((text) => `${text}\n`)
  return importBody(target, texts, texts.length)
}

async function importBody(
  { send, key }: Pick<Target, 'send' | 'key'>,
  body: Iterable<string | Buffer>,
  refused: number,
): Promise<Outcome> {
  const counter = createAnswerCounter(200)
  const began = performance.now()
  const answer = await send({
    method: 'POST',
    path: '/events/import',
    key,
    type: 'application/x-ndjson',
    body,
  })
  counter.add(answer, answer.text.includes(`"refused":${refused},`) && answer.bytes < mostReportBytes)
  const seconds = (performance.now() - began) / 1000
  return counter.outcome({ measured: `report of ${answer.bytes} bytes after ${seconds.toFixed(1)} s` })
}

/** Holds slow uploads of several keys open, while another key must be able to import. */
function holdUploads(pause: () => Promise<void>) {
  return async (target: Target): Promise<Outcome> => {
    const { send, issue, pick } = target
    const counter = createAnswerCounter(200)
    await givenPartners(target)
    const ended = new AbortController()
    async function* slowBody() {
      while (!ended.signal.aborted) {
        yield '{'
        await pause()
      }
    }
    const held: Promise<AttackAnswer>[] = []
    for (let n = 0; n < pick(8, 4); n++) {
      const { key } = await issue('write')
      for (let m = 0; m < 3; m++) {
        const upload = {
          method: 'POST',
          path: '/events/import',
          key,
          type: 'application/x-ndjson',
          body: slowBody(),
        }
        held.push(send({ ...upload, hangUpAfterMs: pick(20_000, 3000) }))
      }
    }
    const { key } = await issue('write')
    for (let n = 0; n < pick(10, 2); n++) {
      const line = `{"id":"held-${n}","partner_id":"p1","deal_id":"held","touchpoint_type":"demo"}\n`
      counter.add(
        await send({ method: 'POST', path: '/events/import', key, type: 'application/x-ndjson', body: line }),
      )
      await setTimeout(100)
    }
    const answers = await Promise.all(held)
    ended.abort()
    const refused = answers.filter(({ status }) => status === 503).length
    return counter.outcome({
      measured: `${refused} of ${held.length} uploads refused`,
      // A key runs one import, a second one waits, and the third is refused.
      isWithinBounds: refused === held.length / 3,
    })
  }
}

/** Revokes a key during its upload, which must end and store nothing more. */
async function revoke(target: Target): Promise<Outcome> {
  const { send, issue, key: admin, db } = target
  const counter = createAnswerCounter(204, 200, 401)
  await givenPartners(target)
  const { id, key } = await issue('write')
  const answered = new AbortController()
  async function* lines() {
    for (let n = 0; !answered.signal.aborted; n++) {
      yield `{"id":"revoked-${n}","partner_id":"p1","deal_id":"revoked-${n % 1000}","touchpoint_type":"demo"}\n`
      if (n % 100 === 0) await setTimeout(10)
    }
  }
  const upload = send({
    method: 'POST',
    path: '/events/import',
    key,
    type: 'application/x-ndjson',
    body: lines(),
  })
  await setTimeout(1000)
  counter.add(await send({ method: 'DELETE', path: `/api-keys/${id}`, key: admin }))
  const began = performance.now()
  const answer = await upload
  answered.abort()
  const seconds = (performance.now() - began) / 1000
  counter.add(answer, answer.status === 401)
  const before = await countRevoked(db)
  await setTimeout(500)
  const isQuiet = before === (await countRevoked(db))
  return counter.outcome({
    measured: `401 after ${seconds.toFixed(1)} s`,
    isWithinBounds: isQuiet && seconds < 5,
  })
}

async function countRevoked(db: Target['db']): Promise<number> {
  const { rows } = await sql<{
    count: string
  }>`select count(*) from events where id like 'revoked-%'`.execute(db)
  return Number(rows[0]?.count)
}
