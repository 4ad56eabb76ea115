import { readFile, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { createService, dump, toNdjson } from './import-command.ts'
import { runCommand, startBalancer } from './processes.ts'

const refuse =
  (status: number, retryAfter = '0') =>
  (response: ServerResponse) =>
    void response.writeHead(status, { 'retry-after': retryAfter }).end('{}')

const alice = { kind: 'partner', id: 'alice', name: 'Alice', email: 'alice@example.com' }
const bob = { kind: 'partner', id: 'bob', name: 'Bob', email: 'bob@example.com' }
const demo = {
  kind: 'event',
  id: 'e1',
  partner_id: 'alice',
  deal_id: 'd1',
  touchpoint_type: 'demo',
  timestamp: '2024-01-10T09:00:00Z',
  metadata: { source: 'webinar' },
}
const closer = { ...demo, id: 'e2', partner_id: 'bob', touchpoint_type: 'closer' }
const deal = {
  kind: 'deal',
  id: 'd1',
  amount: 17500.33,
  closed_date: '2024-01-20T15:00:00Z',
  attribution_model: 'equal',
}

t.test('an import stores rows in any order, and a second run finds them stored', async (t) => {
  const { load, db } = await createService(t)
  const files = { 'year.ndjson.gz': gzipSync(toNdjson([deal, closer, demo, bob, alice])) }

  const first = await load(files)
  const stored = await dump(db)
  const second = await load(files)

  t.strictSame(first, {
    code: 0,
    stderr: '',
    stdout: [
      '         stored  already there  refused',
      'partner       2              0        0',
      'event         2              0        0',
      'deal          1              0        0\n',
    ].join('\n'),
  })
  t.match(second.stdout, /partner {7}0 {14}2 {8}0\nevent {9}0 {14}2 {8}0\ndeal {10}0 {14}1 {8}0/)
  t.strictSame(await dump(db), stored)
  t.match(stored, {
    deals: [{ amount_minor: 1_750_033, version: 1 }],
    events: [{ metadata: { source: 'webinar' } }],
  })
})

t.test('CSV files store the same rows as NDJSON files', async (t) => {
  const csv = await createService(t)
  const ndjson = await createService(t)

  const loaded = await csv.load({
    'deals.csv':
      'kind,id,amount,closed_date,attribution_model,model_parameters.lookback_days\ndeal,d1,17500.33,2024-01-20T15:00:00Z,equal,\n',
    'events.csv':
      '\ufeff"id",partner_id,deal_id,touchpoint_type,timestamp,metadata.source\r\n' +
      'e1,alice,d1,demo,2024-01-10T09:00:00Z,webinar\r\ne2,bob,d1,closer,2024-01-10T09:00:00Z,webinar\r\n',
    'partners.csv.gz': gzipSync(
      'id, name, email\nalice, "Alice", alice@example.com\n\nbob,Bob,bob@example.com',
    ),
  })
  await ndjson.load({ 'all.ndjson': toNdjson([alice, bob, demo, closer, deal]) })

  t.match(loaded, { code: 0, stderr: /^deals\.csv: CSV with commas, UTF-8\.\nevents/ })
  t.strictSame(await dump(csv.db), await dump(ndjson.db))
})

t.test('an import takes a CSV file of refunds', async (t) => {
  const { load, app, key } = await createService(t)
  const files = {
    'deals.ndjson': toNdjson([deal]),
    'refunds.csv':
      'Credit note;deal_id;amount;Paid on\nr1;d1;1.000,50;05.03.2024\nr2;nowhere;1;05.03.2024\nr3;d1;€ 1;05.03.2024\n',
  }
  const options = ['--map', 'Credit note=id', '--map', 'Paid on=refunded_on', '--decimal-comma']

  const loaded = await load(files, ...options, '--date-format', 'DD.MM.YYYY')

  t.match(loaded, {
    code: 2,
    stderr: /^refunds\.csv: CSV with semicolons/,
    stdout:
      /refunds\.csv:4: refund r3: amount .* must be a number without a currency[^]*refunds\.csv:3: refund r2: No deal has the id nowhere\./,
  })
  const answer = await app.inject({ url: '/deals/d1/refunds', headers: { 'x-api-key': key } })
  t.match(answer.json(), { refunds: [{ id: 'r1', amount: 1000.5, refunded_on: '2024-03-05' }] })
})

t.test('an import reports each refused row with its line and reason and stores the others', async (t) => {
  const { load, folder, db } = await createService(t)
  const rows = [
    alice,
    { ...bob, email: 'ALICE@example.com' },
    { ...demo, partner_id: 'nobody' },
    demo,
    { ...demo, touchpoint_type: 'closer' },
    { ...closer, partner_id: 'alice', metadata: { text: 'NUL \0' } },
    { ...closer, id: 'e3', partner_id: 'alice', metadata: { text: 'a line \u2028 a line' } },
    { ...deal, amount: 0 },
    { ...deal, id: 'd2', amount: 10.001 },
    { ...deal, id: undefined },
    { kind: 'invoice', id: 'i1' },
    [alice],
  ]
  const content = Buffer.concat([
    Buffer.from(toNdjson(rows)),
    Buffer.from('{"kind": "deal", \n\n'),
    Buffer.from([0x7b, 0xe9, 0x7d, 0x0a]),
    Buffer.from(JSON.stringify({ ...deal, id: 'd3' }).replace('17500.33', '17500.330000000000000001')),
    Buffer.from(`\n{"kind": "partner", "id": "long", "name": "${'x'.repeat(1_100_000)}"}\n`),
    Buffer.from(toNdjson([{ ...deal, id: 'd4' }])),
  ])

  const { code, stdout } = await load({ 'rows.ndjson': content }, '--report', 'refused.txt')

  t.equal(code, 2)
  t.match(stdout, /partner +1 +0 +1\nevent +2 +0 +3\ndeal +1 +0 +4\nunreadable +0 +0 +5\n/)
  t.match((await readFile(join(folder, 'refused.txt'), 'utf8')).split('\n'), [
    'rows.ndjson:8: deal d1: amount 0 must be at least 0.0001.',
    'rows.ndjson:10: deal: It has no id. A second import needs the id to recognise the row.',
    'rows.ndjson:11: Its kind must be one of partner, event, deal, refund.',
    'rows.ndjson:12: The line is not a JSON object.',
    'rows.ndjson:13: The line is not valid JSON.',
    'rows.ndjson:15: The line is not valid UTF-8.',
    'rows.ndjson:17: The line is longer than 1 MB.',
    'rows.ndjson:2: partner bob: Another partner has this e-mail address.',
    'rows.ndjson:3: event e1: partner_id "nobody": No partner has the id nobody.',
    'rows.ndjson:5: event e1: id "e1": The id e1 holds another event.',
    'rows.ndjson:6: event e2: The line contains a NUL character.',
    'rows.ndjson:9: deal d2: amount 10.001: An amount in USD has at most 2 decimals, is above 0 and at most USD 9,999,999,999,999.99.',
    'rows.ndjson:16: deal d3: The line contains a number with too many digits or an exponent out of range.',
    '',
  ])
  t.match(await dump(db), { events: [{ id: 'e1' }, { metadata: { text: 'a line \u2028 a line' } }] })
})

t.test('unreadable CSV records are refused one by one', async (t) => {
  const { load } = await createService(t)
  const partners = Buffer.concat([
    Buffer.from('id,name,email\na,A,a@example.com\nb,B\nc"d,C,c@example.com\n'),
    Buffer.from([0xe9]),
    Buffer.from(',E,e@example.com\né,É,d@example.com\nü,Ü,u@example.com\n"f,F,f@example.com\n'),
  ])

  const { code, stdout } = await load({ 'partners.csv': partners })

  t.equal(code, 2)
  t.match(stdout, /^partners.csv:3: The record has 2 cells under 3 columns\.$/m)
  t.match(stdout, /^partners.csv:4: A quote stands in a cell that does not begin with one\..*$/m)
  t.match(stdout, /^partners.csv:5: The record is not valid UTF-8\.$/m)
  t.match(stdout, /^partners.csv:8: A quote is not closed\.$/m)
  t.match(stdout, /partner +1 +0 +2$/m)
})

t.test('an import sends nothing when a file cannot be read to its end', async (t) => {
  const { load, db } = await createService(t)
  const whole = gzipSync(toNdjson([alice, bob]))

  const cut = await load({ 'partners.ndjson': toNdjson([alice]), 'cut.ndjson.gz': whole.subarray(0, -9) })
  const headless = await load({ 'things.csv': 'id,name\n1,2\n' })

  t.match(cut, { code: 1, stderr: /cut\.ndjson\.gz cannot be read: unexpected end of file/ })
  t.match(headless, { code: 1, stderr: /its header does not show its kind; set --kind/ })
  t.match(await dump(db), { partners: [] })
})

t.test('an import retries after 429, 503 and broken connections', async (t) => {
  const { url, folder, key } = await createService(t)
  await writeFile(join(folder, 'partners.ndjson'), toNdjson([alice, bob]))
  const balancer = await startBalancer(t, url, [
    refuse(429),
    refuse(503),
    (response) => response.destroy(),
    (response) =>
      response.writeHead(200, { 'content-length': '100' }).write('{"partner":', () => response.destroy()),
  ])

  const { code, stdout, stderr } = await runCommand('src/bin/import.ts', ['partners.ndjson'], {
    folder,
    env: { API_URL: balancer, API_KEY: key },
  })

  t.equal(code, 0)
  t.match(stdout, /partner +2 +0 +0/)
  t.match(stderr, /answers 503; retrying for up to 60 s/)
})

t.test('an import waits at a rate limit and says how to raise it', async (t) => {
  const { url, folder, key } = await createService(t)
  await writeFile(join(folder, 'partners.ndjson'), toNdjson([alice]))
  const balancer = await startBalancer(t, url, [refuse(429, '2')])

  const started = performance.now()
  const { code, stderr } = await runCommand('src/bin/import.ts', ['partners.ndjson', '--url', balancer], {
    folder,
    env: { API_KEY: key },
  })

  t.equal(code, 0)
  t.match(
    stderr,
    /continuing in 2 s\. To create a key with a higher limit: npm run keys -- create --name import/,
  )
  t.ok(performance.now() - started >= 2000)
})

t.test('an import explains wrong keys, wrong addresses and wrong options', async (t) => {
  const { app, url, folder, key } = await createService(t)
  await writeFile(join(folder, 'partners.ndjson'), toNdjson([alice]))
  const run = (API_KEY: string, ...options: readonly string[]) =>
    runCommand('src/bin/import.ts', ['partners.ndjson', ...options], { folder, env: { API_KEY } })

  const wrongKey = await run('sk_nobody', '--url', url)
  const wrongUrl = await run(key, '--url', `${url}/docs/json?`)
  await app.close()
  const unreachable = await run(key, '--url', url, '--patience', '0')
  const noKey = await run('', '--url', url)
  const wrongKind = await run(key, '--kind', 'invoice')
  const keyAsOption = await run('', '--url', url, '--key', key)

  t.match(wrongKey, { code: 1, stderr: /refuses the key: Send a valid API key in the header X-API-Key/ })
  t.match(wrongUrl, { code: 1, stderr: /is not this service: it answers \d+/ })
  t.match(unreachable, { code: 1, stderr: /does not answer \(ECONNREFUSED\)/ })
  t.match(noKey, { code: 1, stderr: /There is no API key/ })
  t.match(keyAsOption, { code: 1, stderr: /^Unknown option '--key'/ })
  t.notMatch(keyAsOption.stderr, key)
  t.match(wrongKind, { code: 1, stderr: /^--kind must be one of partner, event, deal, refund/ })
})
