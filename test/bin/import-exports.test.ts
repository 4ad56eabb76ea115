import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { sql } from 'kysely'
import t from 'tap'
import { createService, dump } from './import-command.ts'
import { runCommand } from './processes.ts'

const root = new URL('../../', import.meta.url).pathname
const commands = [
  ...readFileSync(`${root}docs/import.md`, 'utf8').matchAll(
    /^npm run import -- ((?:.*\\\n)*.*docs\/exports.*(?:\n {2}.*)*)/gm,
  ),
].map(([, text = '']) => splitWords(text))

function splitWords(text: string): string[] {
  const print = 'process.stdout.write(JSON.stringify(process.argv.slice(1)))'
  return JSON.parse(execFileSync('sh', ['-c', `node -e '${print}' -- ${text}`], { encoding: 'utf8' }))
}

/** The counts of the last table, by kind: stored, already there, refused. */
function countsOf(stdout: string): Record<string, string> {
  const rows = stdout.matchAll(/^(partner|event|deal|unreadable) +(\d+) +(\d+) +(\d+)$/gm)
  return Object.fromEntries([...rows].map(([, kind, ...counts]) => [kind, counts.slice(0, 3).join(' ')]))
}

t.test('each export of docs/exports goes in with its command; a second run changes nothing', async (t) => {
  const { db, url, key, folder } = await createService(t)
  const runAll = async () => {
    const results = []
    for (const args of commands) {
      const env = { INIT_CWD: root, API_KEY: key, API_URL: url }
      results.push(await runCommand('src/bin/import.ts', args, { folder, env }))
    }
    return results
  }

  const first = await runAll()
  const stored = await dump(db)
  const second = await runAll()

  t.strictSame(
    first.map(({ code, stdout }) => [code, countsOf(stdout)]),
    [
      [0, { partner: '2 0 0' }],
      [0, { deal: '2 0 0' }],
      [0, { partner: '3 0 0' }],
      [0, { deal: '2 0 0' }],
      [0, { event: '3 0 0' }],
      [0, { event: '3 0 0' }],
      [0, { deal: '2 0 0' }],
      [0, { partner: '3 0 0' }],
      [0, { event: '3 0 0', deal: '3 1 0' }],
      [0, { partner: '2 1 0', event: '3 0 0', deal: '2 1 0' }],
    ],
    first.map(({ stdout, stderr }) => stdout + stderr).join('\n'),
  )
  t.match(first[7]?.stderr, /CSV with semicolons, Windows-1252/)
  t.match(first[2]?.stderr, /CSV with tabs, UTF-16/)
  t.match(first[1]?.stderr, /left out: Deal owner, Notes\./)
  t.match(first[1]?.stderr, /--only leaves out 2 rows/)
  t.ok(second.every(({ code }) => code === 0))
  t.ok(
    second.every(({ stdout }) => Object.values(countsOf(stdout)).every((counts) => counts.startsWith('0 '))),
  )
  t.strictSame(await dump(db), stored)

  const totals =
    await sql`select currency, count(*)::int as deals, sum(amount_minor)::text as amount from deals group by 1 order by 1`.execute(
      db,
    )
  t.strictSame(totals.rows, [
    { currency: 'EUR', deals: 5, amount: '2413496' },
    { currency: 'GBP', deals: 2, amount: '400075' },
    { currency: 'JPY', deals: 1, amount: '1250000' },
    { currency: 'USD', deals: 3, amount: '5125050' },
  ])
  const deals =
    await sql`select id, name, closed_date::text, closed_all_day, closed_on::text from deals where id in ('9001', '9003', '006A03', '73', '1002') order by id collate "C"`.execute(
      db,
    )
  t.strictSame(deals.rows, [
    {
      id: '006A03',
      name: 'Core rollout',
      closed_date: '2024-02-09 00:00:00+00',
      closed_all_day: true,
      closed_on: '2024-02-09',
    },
    {
      id: '1002',
      name: null,
      closed_date: '2024-02-28 00:00:00+00',
      closed_all_day: true,
      closed_on: '2024-02-28',
    },
    {
      id: '73',
      name: 'Booth',
      closed_date: '2024-04-30 23:30:00+00',
      closed_all_day: false,
      closed_on: '2024-04-30',
    },
    {
      id: '9001',
      name: 'Lighthouse',
      closed_date: '2024-01-19 23:00:00+00',
      closed_all_day: true,
      closed_on: '2024-01-20',
    },
    {
      id: '9003',
      name: 'Ferry',
      closed_date: '2024-02-29 15:30:00+00',
      closed_all_day: false,
      closed_on: '2024-02-29',
    },
  ])
  const shares =
    await sql`select deal_id, partner_id, payout_minor::int as payout from shares join deals on deals.id = deal_id and deals.version = shares.version where deal_id in ('006A01', 'A-1001', '1001') order by 1, 2`.execute(
      db,
    )
  t.strictSame(shares.rows, [
    { deal_id: '006A01', partner_id: '003A01', payout: 2_500_000 },
    { deal_id: '006A01', partner_id: '003A02', payout: 2_500_000 },
    { deal_id: '1001', partner_id: '88', payout: 100_000 },
    // Of 1,234.56, a referral counts 0.25 and a closer 0.35.
    { deal_id: 'A-1001', partner_id: 'K-1', payout: 51_440 },
    { deal_id: 'A-1001', partner_id: 'K-2', payout: 72_016 },
  ])
  const names = await sql<{ name: string }>`select name from partners order by id collate "C"`.execute(db)
  t.strictSame(
    names.rows.map(({ name }) => name),
    [
      'Åsa Öberg',
      'Zoë Łuczak',
      '小林 花子',
      'Anna Acker',
      'Ben Baker, Jr.',
      'Smith, Sue',
      'Tom Tall',
      'Müller & Söhne',
      'Café “René” – Zürich',
      'Größe €uro GmbH',
    ],
  )
  const metadata = await sql`select metadata::jsonb from events where id = '0CI02'`.execute(db)
  t.strictSame(metadata.rows, [{ metadata: { 'Campaign Name': 'Trade fair: Hannover' } }])
  const touched =
    await sql`select id, timestamp::text as at from events where id like '100%' order by id`.execute(db)
  t.strictSame(touched.rows, [
    { id: '1001-88', at: '2024-01-02 14:05:00+00' },
    { id: '1001-89', at: '2024-01-15 18:30:00+00' },
    { id: '1002-88', at: '2024-02-01 05:00:00+00' },
  ])
})
