import { sql } from 'kysely'
import t from 'tap'
import { createService, dump, toNdjson } from './import-command.ts'

const partner = { kind: 'partner', id: 'p1', name: 'Alice' }
const touch = {
  kind: 'event',
  id: 'e1',
  partner_id: 'p1',
  deal_id: 'd1',
  touchpoint_type: 'demo',
  timestamp: '2024-01-10T09:00:00Z',
}
const deal = { kind: 'deal', id: 'd1', amount: 100, closed_date: '2024-01-20', attribution_model: 'equal' }
const sync = ['--update', '--void-missing', '--source', 'crm']

async function start(t: Parameters<typeof createService>[0]) {
  const service = await createService(t)
  const run = (rows: readonly object[], ...options: readonly string[]) =>
    service.load({ 'rows.ndjson': toNdjson(rows) }, ...options)
  const voidIds = async () => {
    const { rows } = await sql<{ id: string }>`
      select id from deals where voided_at is not null union all select id from events where voided_at is not null
      order by id`.execute(service.db)
    return rows.map(({ id }) => id)
  }
  return { ...service, run, voidIds }
}

t.test('--update changes what is stored, and a second run changes nothing', async (t) => {
  const { run, db } = await start(t)
  await run([partner, touch, deal])
  const changed = [
    { ...partner, name: 'Alice B' },
    { ...touch, touchpoint_type: 'closer' },
    { ...deal, amount: 200 },
  ]

  const refused = await run(changed)
  const updated = await run(changed, '--update')
  const stored = await dump(db)
  const again = await run(changed, '--update')

  t.match(refused, { code: 2, stdout: /event +0 +0 +1\ndeal +0 +0 +1\n/ })
  t.match(updated, {
    code: 0,
    stdout: [
      '         stored  changed  unchanged  refused',
      'partner       0        1          0        0',
      'event         0        1          0        0',
      'deal          0        1          0        0\n',
    ].join('\n'),
  })
  t.match(again.stdout, /partner +0 +0 +1 +0\nevent +0 +0 +1 +0\ndeal +0 +0 +1 +0\n/)
  t.strictSame(await dump(db), stored)
  t.match(stored, { deals: [{ amount_minor: 20_000 }], events: [{ touchpoint_type: 'closer' }] })
})

t.test('--void-missing voids what is missing and reinstates what is back, with its new values', async (t) => {
  const { run, voidIds, db } = await start(t)
  const others = [
    { ...deal, id: 'd2' },
    { ...touch, id: 'e2', deal_id: 'd2' },
  ]
  await run([partner, touch, deal, ...others, { ...deal, id: 'd3' }], ...sync)
  await run([{ ...deal, id: 'by hand' }])

  const gone = await run([partner, touch, deal], ...sync)
  const voided = await voidIds()
  const back = await run(
    [partner, touch, deal, ...others.map((row) => ({ ...row, metadata: { back: true } }))],
    ...sync,
  )

  t.strictSame(voided, ['d2', 'd3', 'e2'])
  t.match(
    gone.stdout,
    /Voided 1 event that is missing from crm\.\nVoided 2 deals that are missing from crm\.\n/,
  )
  t.match(back, {
    code: 0,
    stdout: /Reinstated 1 event that is back in crm\.\nReinstated 1 deal that is back in crm\.\n/,
  })
  t.strictSame(await voidIds(), ['d3'])
  const { rows } = await sql`select metadata from deals where id = 'd2'`.execute(db)
  t.strictSame(rows, [{ metadata: { back: true } }])
})

t.test('--void-missing voids nothing if a row has no id, and keeps what a refused row names', async (t) => {
  const { run, voidIds } = await start(t)
  await run([deal, { ...deal, id: 'd2' }], ...sync)

  const noId = await run([deal, { ...deal, id: undefined }], ...sync)
  const cutOff = await run([deal, { kind: 'deal' }, ['d2']], ...sync)
  const refusedHere = await run([deal, { ...deal, id: 'd2', amount: -1 }], ...sync)
  const refusedThere = await run([deal, { ...deal, id: 'd2', amount: 1.001 }], ...sync)

  t.match(
    [noId, cutOff],
    [
      {
        code: 1,
        stderr: /--void-missing needs the id of every row, and rows\.ndjson:2 has none: nothing was sent\./,
      },
      { code: 1 },
    ],
  )
  t.match([refusedHere, refusedThere], [{ code: 2 }, { code: 2 }])
  t.strictSame(await voidIds(), [])
})

t.test('--void-missing refuses files that were cut off, and --void-at-most allows it', async (t) => {
  const { run, voidIds, db } = await start(t)
  const deals = Array.from({ length: 120 }, (_, n) => ({ ...deal, id: `d${1000 + n}` }))
  const touches = deals.map(({ id }) => ({ ...touch, id: `e-${id}`, deal_id: id }))
  await run([partner, ...touches, ...deals], ...sync)
  const part = [partner, ...touches, ...deals.slice(0, 100), { ...deal, id: 'new' }]
  const remembered = async () =>
    (await sql`select kind, id, missing_since from source_items order by 1, 2`.execute(db)).rows
  const before = await remembered()

  const cutOff = await run(part, ...sync)
  const tooFew = [
    await run(part, ...sync, '--void-at-most', '19'),
    await run(part, ...sync, '--void-at-most', '16%'),
  ]
  const isUntouched = [await voidIds(), await remembered(), await dump(db)]
  const allowed = await run(part, ...sync, '--void-at-most', '20')

  t.strictSame(cutOff, {
    code: 1,
    stdout: '',
    stderr:
      'Of the deals of crm, 101 are in the files and 20 are missing. At most 12 may be voided in one run, so nothing was ' +
      'sent. If the files are complete, add --void-at-most 20.\n',
  })
  t.match(tooFew, [
    { code: 1, stderr: /At most 19 may/ },
    { code: 1, stderr: /At most 19 may/ },
  ])
  t.strictSame(isUntouched.slice(0, 2), [[], before])
  t.match(isUntouched[2], { deals: { length: 120 } })
  t.match(allowed, { code: 0, stdout: /Voided 20 deals that are missing from crm\./ })
  t.strictSame(
    await voidIds(),
    deals.slice(100).map(({ id }) => id),
  )
})

t.test('--void-at-most may be a percentage, and up to ten may always vanish', async (t) => {
  const { run, voidIds } = await start(t)
  const deals = Array.from({ length: 12 }, (_, n) => ({ ...deal, id: `d${10 + n}` }))
  await run(deals, ...sync)

  const none = await run(deals.slice(0, 11), ...sync, '--void-at-most', '0')
  const ten = await run(deals.slice(0, 2), ...sync)
  await run(deals, ...sync)
  const all = await run(deals.slice(11), ...sync, '--void-at-most', '100%')
  const wrong = [
    await run(deals, ...sync, '--void-at-most', '101%'),
    await run(deals, ...sync, '--void-at-most', 'all'),
    await run(deals, '--void-at-most', '5'),
  ]

  t.match([none, ten, all], [{ code: 1 }, { code: 0 }, { code: 0 }])
  t.equal((await voidIds()).length, 11)
  const unread = /^--void-at-most must be a number, such as 500, or a percentage, such as 25%\.\n$/
  t.match(wrong, [
    { code: 1, stderr: unread },
    { code: 1, stderr: unread },
    { code: 1, stderr: '--void-at-most needs --void-missing.\n' },
  ])
})

t.test('--void-missing needs --update and a source', async (t) => {
  const { run } = await start(t)

  const answers = [
    await run([deal], '--void-missing', '--source', 'crm'),
    await run([deal], '--update', '--void-missing'),
  ]

  for (const answer of answers)
    t.match(answer, { code: 1, stderr: '--void-missing needs --update and --source NAME.\n' })
})
