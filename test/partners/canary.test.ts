import { createHmac, hash } from 'node:crypto'
import t, { type Test } from 'tap'
import { type Kysely, sql } from 'kysely'
import type { Database } from '../../src/database/tables.ts'
import { canonicalJson } from '../../src/values/canonical-json.ts'
import { rotatePayoutKeys } from '../../src/partners/rotate.ts'
import { createVault, parsePayoutKeys } from '../../src/partners/vault.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { listOperations, readDocument } from '../support/openapi-document.ts'
import { connectAsOwner } from '../support/database.ts'
import { captureLog } from '../support/log.ts'

const canaries = { bank_account: 'DE89370400440532013000', tax_id: 'TAX-1234567890-CANARY' }
const partner = { id: 'p1', name: 'Acme', email: 'sales@acme.example', payout_details: canaries }

/** The canaries as text, hex and base64. */
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

/** Every row of every table as text. */
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

t.test('payout details do not appear in dumps, logs, metrics, errors or stored answers', async (t) => {
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
  const importLines = (mode: string, lines: readonly object[]) =>
    app.inject({
      method: 'POST',
      url: `/import?mode=${mode}`,
      headers: { 'x-api-key': key, 'content-type': 'application/x-ndjson' },
      payload: lines.map((line) => JSON.stringify({ kind: 'partner', ...line })).join('\n'),
    })
  answers.push(
    await call('PUT', '/partners/p1', { name: 'Acme', payout_details: canaries }),
    await call('PUT', '/partners/p1', { name: 'Acme Ltd', note: 'renamed' }),
    await importLines('submit', [partner, { ...partner, name: 'Other' }, { ...partner, id: 'p2' }]),
    await importLines('submit', [{ ...partner, id: 'p3', email: null }]),
    await importLines('declare', [partner, { ...partner, extra: canaries }]),
  )
  const revealed = await call('GET', '/partners/p1/payout-details')
  await sql`alter table partners add constraint none_may_change check (name = 'None') not valid`.execute(
    connectAsOwner(t, url),
  )
  answers.push(await call('PATCH', '/partners/p1', { payout_details: canaries }))

  t.strictSame(revealed.json(), { payout_details: canaries })
  t.strictSame(
    answers.map(({ statusCode }) => statusCode),
    [
      201, 201, 200, 409, 409, 400, 400, 400, 200, 400, 404, 400, 415, 200, 200, 200, 400, 200, 200, 200, 200,
      500,
    ],
  )
  const listening = lines().find(({ msg }) => msg === 'serving metrics')
  const metrics = await fetch(`http://127.0.0.1:${String(listening?.['port'])}/metrics`)
  t.strictSame(hitsIn(answers.map(({ body }) => body).join('\n')), [], 'answers')
  t.strictSame(hitsIn(await dump(db)), [], 'dump')
  t.strictSame(hitsIn(text()), [], 'log')
  t.strictSame(hitsIn(await metrics.text()), [], 'metrics')
  t.notMatch(await dump(db), '******', 'masked forms in the dump')
  t.strictSame(
    hitsIn((await dump(db)) + revealed.body),
    spellings.filter((_, at) => at % 3 === 0),
    'the search finds revealed details',
  )
})

// `npm run canary` uses 1,000.
const count = Number(process.env['CANARY_PARTNERS'] ?? 30)
const marker = 'CANARY7719'
const key = (byte: number) => Buffer.alloc(32, byte).toString('base64')

const partnerOf = (n: number) => ({ id: `p${n}`, name: `Partner ${n}`, email: `p${n}@example.com` })
const detailsOf = (n: number, kind: string) => ({
  iban: `${marker}-${kind}-${String(n).padStart(6, '0')}`,
  tax_id: `${kind}-${String(n).padStart(6, '0')}-${marker}`,
})

/** The marker as text, as hex, and as base64 at each of the three offsets. */
const marks = [
  marker,
  Buffer.from(marker).toString('hex'),
  ...[0, 1, 2].map((shift) =>
    Buffer.from(' '.repeat(shift) + marker)
      .toString('base64')
      .slice(shift === 0 ? 0 : 4, -4),
  ),
].map((mark) => mark.toLowerCase())

function checkNoMarks(t: Test, text: string, where: string): void {
  const lower = text.toLowerCase()
  t.strictSame(
    marks.filter((mark) => lower.includes(mark)),
    [],
    where,
  )
}

/** Sets, guesses, changes, reads and erases the details of one partner. Returns the bodies of problems. */
async function runLifecycle({ call }: TestApp, n: number, t: Test): Promise<readonly string[]> {
  const partner = partnerOf(n)
  const path = `/partners/${partner.id}`
  const payout_details = detailsOf(n, 'first')
  await call('POST', '/partners', { ...partner, payout_details }, { 'idempotency-key': `make-${n}` })
  const guesses = [payout_details, detailsOf(n, 'wrong'), { iban: '1' }, undefined]
  const answers: { statusCode: number; body: string }[] = []
  for (const guess of guesses) {
    const { statusCode, body } = await call('POST', '/partners', { ...partner, payout_details: guess })
    answers.push({ statusCode, body })
  }
  t.strictSame(
    answers,
    Array.from({ length: guesses.length }, () => answers[0]),
  )
  const problems = [
    await call('POST', '/partners', { ...partner, payout_details, name: 'Other' }),
    await call('POST', '/partners', { ...partner, payout_details, email: marker }),
    await call('PATCH', path, { payout_details: { iban: `******${payout_details.iban}` } }),
    await call('POST', '/partners', { payout_details, ...partner }, { 'idempotency-key': `make-${n - 1}` }),
  ]
  const changed = { payout_details: detailsOf(n, 'second') }
  await call('PATCH', path, changed, { 'idempotency-key': `change-${n}` })
  if (n % 3 === 0) await call('GET', `${path}/payout-details`)
  if (n % 2 === 0) await call('DELETE', `${path}/payout-details`)
  return problems.filter(({ statusCode }) => statusCode >= 400).map(({ body }) => body)
}

/** The answers to every GET operation except revealPayoutDetails, for every partner. */
async function exportAll({ call }: TestApp, t: Test): Promise<string> {
  const gets = listOperations(await readDocument(t)).filter(({ method }) => method === 'GET')
  const paths = gets.filter(({ id }) => id !== 'revealPayoutDetails').map(({ path }) => path)
  const bodies: string[] = []
  for (const path of paths) {
    const ofPartners = path.includes('{partnerId}')
    for (let n = 1; n <= (ofPartners ? count : 1); n += 1) {
      const url = path.replace('{partnerId}', `p${n}`).replace(/\{\w+\}/, 'none')
      bodies.push(
        (await call('GET', path.includes('statement') ? `${url}?month=2026-01` : `${url}?limit=1000`)).body,
      )
      if (!ofPartners) bodies.push((await call('GET', url)).body)
    }
  }
  return bodies.join('\n')
}

t.test('payout details leave no trace after guesses, changes, erasure and key rotation', async (t) => {
  const { log, lines, text } = captureLog()
  const config = { METRICS_PORT: 0, payoutKeys: parsePayoutKeys(`old:${key(1)}`) }
  const before = await createApp(t, { log, config })
  await before.app.listen({ host: '127.0.0.1', port: 0 })
  const numbers = Array.from({ length: count }, (_, index) => index + 1)

  const problems: string[] = []
  for (const n of numbers) problems.push(...(await runLifecycle(before, n, t)))
  await rotatePayoutKeys(before.db, createVault(parsePayoutKeys(`new:${key(2)},old:${key(1)}`)))
  const after = await createApp(t, {
    log,
    url: before.url,
    config: { payoutKeys: parsePayoutKeys(`new:${key(2)}`) },
  })
  const exported = await exportAll(after, t)

  const port = String(lines().find(({ msg }) => msg === 'serving metrics')?.['port'])
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const audit = (await after.call('GET', '/audit?limit=1000')).body
  const dumped = await dump(after.db)
  // The first partner has no predecessor whose Idempotency-Key it could reuse.
  t.equal(problems.length, count * 4 - 1)
  t.ok(exported.includes('******'))
  const places = { dumped, log: text(), metrics, audit, problems: problems.join('\n') }
  for (const [where, content] of Object.entries(places)) {
    checkNoMarks(t, content, where)
    t.notOk(content.includes('******'), `masked forms in ${where}`)
  }
  checkNoMarks(t, exported.replaceAll(/\*{6}[^"]*/g, ''), 'exported')
  for (const n of numbers) {
    const submission = canonicalJson({ ...partnerOf(n), payout_details: detailsOf(n, 'first') })
    const hashes = [
      hash('sha256', submission),
      createHmac('sha256', `make-${n}`).update(submission).digest('hex'),
    ]
    for (const hex of hashes) t.notOk(dumped.includes(hex))
  }
  const revealed = await after.call('GET', '/partners/p1/payout-details')
  t.strictSame(revealed.json(), { payout_details: detailsOf(1, 'second') })
  t.match((await after.call('GET', '/partners/p2')).json(), { partner: { payout_details: null } })
})
