import t from 'tap'
import { type Kysely, sql } from 'kysely'
import type { Database } from '../../src/database/tables.ts'
import { createApp } from '../support/app.ts'
import { connectAsOwner } from '../support/database.ts'
import { captureLog } from '../support/log.ts'

const canaries = { bank_account: 'DE89370400440532013000', tax_id: 'TAX-1234567890-CANARY' }
const partner = { id: 'p1', name: 'Acme', email: 'sales@acme.example', payout_details: canaries }

/** Every way in which a dump, a log or an answer could spell the canaries. */
const spellings = Object.values(canaries).flatMap((text) => {
  const bytes = Buffer.from(text)
  const [inner] = bytes
    .subarray(0, bytes.length - (bytes.length % 3))
    .toString('base64')
    .split('=')
  return [text, bytes.toString('hex'), inner as string]
})

function hitsIn(text: string): readonly string[] {
  return spellings.filter((spelling) => text.toLowerCase().includes(spelling.toLowerCase()))
}

/** Every row of every table as text, as a dump has them. */
async function dump(db: Kysely<Database>): Promise<string> {
  const tables = await sql<{ name: string }>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'public'`.execute(
    db,
  )
  const texts = await Promise.all(
    tables.rows.map(({ name }) =>
      sql<{ row: string }>`select t::text as row from ${sql.raw(name)} as t`.execute(db),
    ),
  )
  return texts.flatMap(({ rows }) => rows.map(({ row }) => row)).join('\n')
}

t.test('payout details are in no dump, log, metric, error or stored answer', async (t) => {
  const { log, lines, text } = captureLog()
  const { app, call, db, key, url } = await createApp(t, { log, config: { METRICS_PORT: 0 } })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const once = { 'idempotency-key': 'once' }
  const headers = { 'x-api-key': key, 'content-type': 'application/json' }

  const answers = [
    await call('POST', '/partners', partner, once),
    await call('POST', '/partners', partner, once),
    await call('POST', '/partners', partner),
    await call('POST', '/partners', { ...partner, name: 'Other' }),
    await call('POST', '/partners', { ...partner, id: 'p2' }),
    await call('POST', '/partners', { ...partner, id: 'p2', email: 'wrong', extra: canaries }),
    await call('POST', '/partners', { ...partner, payout_details: { ...canaries, wrong: 7 } }),
    await call('POST', '/partners', { ...partner, payout_details: { list: Object.values(canaries) } }),
    await call('PATCH', '/partners/p1', { payout_details: canaries }, { 'idempotency-key': 'again' }),
    await call('PATCH', '/partners/p1', { payout_details: { iban: `******${canaries.bank_account}` } }),
    await call('PATCH', '/partners/nobody', { payout_details: canaries }),
    await app.inject({
      method: 'POST',
      url: '/partners',
      headers,
      payload: JSON.stringify(partner).slice(0, -1),
    }),
    await app.inject({
      method: 'POST',
      url: '/partners',
      headers: { 'x-api-key': key },
      payload: JSON.stringify(partner),
    }),
    await call('GET', '/partners'),
    await call('GET', '/partners/p1'),
    await call('GET', '/analytics/partner/p1'),
  ]
  const revealed = await call('GET', '/partners/p1/payout-details')
  await sql`alter table partners add constraint none_may_change check (name = 'None') not valid`.execute(
    connectAsOwner(t, url),
  )
  answers.push(await call('PATCH', '/partners/p1', { payout_details: canaries }))

  t.strictSame(revealed.json(), { payout_details: canaries })
  t.strictSame(
    answers.map(({ statusCode }) => statusCode),
    [201, 201, 200, 409, 409, 400, 400, 400, 200, 400, 404, 400, 415, 200, 200, 200, 500],
  )
  const listening = lines().find(({ msg }) => msg === 'serving metrics')
  const metrics = await fetch(`http://127.0.0.1:${String(listening?.['port'])}/metrics`)
  t.strictSame(hitsIn(answers.map(({ body }) => body).join('\n')), [], 'answers')
  t.strictSame(hitsIn(await dump(db)), [], 'dump')
  t.strictSame(hitsIn(text()), [], 'log')
  t.strictSame(hitsIn(await metrics.text()), [], 'metrics')
  t.strictSame(
    hitsIn((await dump(db)) + revealed.body),
    spellings.filter((_, at) => at % 3 === 0),
    'a hit is seen',
  )
})
