import { setTimeout } from 'node:timers/promises'
import { sql } from 'kysely'
import { nestedTexts } from './bodies.ts'
import { givenPartners } from './deals.ts'
import type { Answer } from './send.ts'
import { type Attack, createTally, type Outcome } from './tally.ts'
import type { Target } from './target.ts'

const longestLine = 131_000
const unknown = `{${Array.from({ length: 16_000 }, (_, n) => `"${n.toString(36)}":0`)
  .join()
  .slice(0, longestLine)}`
const nested = `${'['.repeat(10_000)}${']'.repeat(10_000)}`
const wide = `{"metadata":{"a":[${Array(40_000).fill('[]').join()}]}}`
const mostReportBytes = 300_000

/** What can be done with imports. */
export const uploads: readonly Attack[] = [
  { name: 'import: lines that are no JSON', run: (target) => importLines(target, 'no JSON '.repeat(16)) },
  { name: 'import: lines that lack everything', run: (target) => importLines(target, '{}') },
  {
    name: 'import: lines of 16,000 unknown properties',
    run: (target) => importLines(target, `${unknown}}`.replace(/,"?\d*\w*"?:?}$/, '}')),
  },
  { name: 'import: lines nested 10,000 deep', run: (target) => importLines(target, nested) },
  { name: 'import: lines of 40,000 lists', run: (target) => importLines(target, wide) },
  { name: 'import: lines nested to every depth', run: importNested },
  { name: 'import: nothing but line breaks', run: (target) => importLines(target, '', 0) },
  {
    name: 'import: a line that never ends',
    run: (target) => importBytes(target, Buffer.alloc(65_536, 'x'), 1),
  },
  { name: 'import: idle uploads of many keys', run: holdUploads(() => setTimeout(5000)) },
  { name: 'import: uploads drop by drop', run: holdUploads(() => setTimeout(100)) },
  { name: 'import: a key revoked on the way', run: revoke },
]

async function importLines(target: Target, line: string, refused?: number): Promise<Outcome> {
  const lines = Math.max(1, Math.floor(65_536 / (line.length + 1)))
  return importBytes(target, Buffer.from(`${line}\n`.repeat(lines)), refused)
}

/** One part again and again, up to 131 MB or a million bad lines; the report is bounded and counts every line. */
async function importBytes({ send, key, pick }: Target, part: Buffer, refused?: number): Promise<Outcome> {
  const lines = refused ?? part.toString().split('\n').length - 1
  const parts = Math.ceil(
    Math.min(pick(131_000_000, 3_000_000) / part.length, pick(1_000_000, 20_000) / Math.max(1, lines)),
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
  const tally = createTally(200)
  const began = performance.now()
  const answer = await send({
    method: 'POST',
    path: '/events/import',
    key,
    type: 'application/x-ndjson',
    body,
  })
  tally.add(answer, answer.text.includes(`"refused":${refused},`) && answer.bytes < mostReportBytes)
  const seconds = (performance.now() - began) / 1000
  return tally.outcome({ figures: `report of ${answer.bytes} bytes after ${seconds.toFixed(1)} s` })
}

/** Uploads of several keys that hardly go on, while another key imports. */
function holdUploads(pause: () => Promise<void>) {
  return async (target: Target): Promise<Outcome> => {
    const { send, issue, pick } = target
    const tally = createTally(200)
    await givenPartners(target)
    const ended = new AbortController()
    async function* drops() {
      while (!ended.signal.aborted) {
        yield '{'
        await pause()
      }
    }
    const held: Promise<Answer>[] = []
    for (let n = 0; n < pick(8, 4); n++) {
      const { key } = await issue('write')
      for (let m = 0; m < 3; m++) {
        const upload = {
          method: 'POST',
          path: '/events/import',
          key,
          type: 'application/x-ndjson',
          body: drops(),
        }
        held.push(send({ ...upload, hangUpAfterMs: pick(20_000, 3000) }))
      }
    }
    const { key } = await issue('write')
    for (let n = 0; n < pick(10, 2); n++) {
      const line = `{"id":"held-${n}","partner_id":"p1","deal_id":"held","touchpoint_type":"demo"}\n`
      tally.add(
        await send({ method: 'POST', path: '/events/import', key, type: 'application/x-ndjson', body: line }),
      )
      await setTimeout(100)
    }
    const answers = await Promise.all(held)
    ended.abort()
    const refused = answers.filter(({ status }) => status === 503).length
    return tally.outcome({
      figures: `${refused} of ${held.length} uploads refused`,
      isWithinBounds: refused === held.length / 3,
    })
  }
}

/** A key is revoked while it uploads without a pause. */
async function revoke(target: Target): Promise<Outcome> {
  const { send, issue, key: admin, db } = target
  const tally = createTally(204, 200, 401)
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
  tally.add(await send({ method: 'DELETE', path: `/api-keys/${id}`, key: admin }))
  const began = performance.now()
  const answer = await upload
  answered.abort()
  const seconds = (performance.now() - began) / 1000
  tally.add(answer, answer.status === 401)
  const before = await countRevoked(db)
  await setTimeout(500)
  const isQuiet = before === (await countRevoked(db))
  return tally.outcome({
    figures: `401 after ${seconds.toFixed(1)} s`,
    isWithinBounds: isQuiet && seconds < 5,
  })
}

async function countRevoked(db: Target['db']): Promise<number> {
  const { rows } = await sql<{
    count: string
  }>`select count(*) from events where id like 'revoked-%'`.execute(db)
  return Number(rows[0]?.count)
}
