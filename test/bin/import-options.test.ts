import { readFile, writeFile } from 'node:fs/promises'
import type { ChildProcess } from 'node:child_process'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { createService, dump } from './import-command.ts'
import { runCommand, startBalancer } from './processes.ts'

const crm = [
  'Record ID,Deal Name,Amount,Close Date,Stage',
  '1,"Two',
  'lines","1,000.50",01/31/2024,Won',
  '2,Bad date,5,31/12/2024,Won',
  '3,Comma,"1.234,56",01/31/2024,Won',
  '4,Empty,,01/31/2024,Won',
  '5,Open,7,01/31/2024,Open',
  '6,Unit,$8,01/31/2024,Won\r\n',
].join('\r\n')
const options = [
  '--map=Record ID=id',
  '--map=Amount=amount',
  '--map=Close Date=closed_date',
  '--set=attribution_model=equal',
  '--date-format=MM/DD/YYYY',
  '--only=Stage=Won',
]

const report = JSON.stringify({ created: 2, changed: 0, unchanged: 0, refused: 0, refusals: [] })
const stored = (response: ServerResponse) => void response.writeHead(200).end(report)

t.test('a refusal names the column, the value and what is wanted', async (t) => {
  const { load } = await createService(t)

  const { code, stdout, stderr } = await load({ 'crm.csv': crm }, ...options)

  t.equal(code, 2)
  t.strictSame(stdout.split('\n').slice(0, 4), [
    'crm.csv:4: deal 2: Close Date "31/12/2024" must be a date such as 01/31/2026 (MM/DD/YYYY) or 2026-01-31.',
    'crm.csv:5: deal 3: Amount "1.234,56" must be a number such as 1234.56 or 1,234.56; for a decimal comma, add --decimal-comma.',
    'crm.csv:6: deal 4: amount is required, and the column Amount is empty.',
    'crm.csv:8: deal 6: Amount "$8" does not say which currency this is: map a column to currency, or add --set currency=USD.',
  ])
  t.match(stdout, /deal +1 +0 +4\n/)
  t.strictSame(stderr.split('\n'), [
    'crm.csv: CSV with commas, UTF-8.',
    'crm.csv: these columns are left out: Deal Name.',
    'crm.csv: --only leaves out 1 row.',
    '',
  ])
})

t.test('the file of refused rows goes in again when it is mended', async (t) => {
  const { load, folder, db } = await createService(t)
  const refused = join(folder, 'refused.csv')

  await load({ 'crm.csv': crm }, ...options, '--refused', 'refused.csv')
  const written = await readFile(refused, 'utf8')
  await load({ 'half.csv': written.replace('5,31/12', '5,12/31') }, ...options, '--refused', 'refused.csv')
  const rest = await readFile(refused, 'utf8')
  const mended = rest.replace(',"1.234,56"', ',1234.56').replace('Empty,,', 'Empty,9,').replace(',$8', ',8')
  const last = await load({ 'mended.csv': mended }, ...options, '--refused', 'refused.csv')

  t.match(written, /^\ufeff"why_refused","Record ID","Deal Name","Amount","Close Date","Stage"\n/)
  t.match(written, /\n"Close Date ""31\/12\/2024"" must be .*",2,Bad date,5,31\/12\/2024,Won\r\n/)
  t.equal(rest.match(/why_refused/g)?.length, 1)
  t.equal(rest.match(/Comma/g)?.length, 1)
  t.notMatch(rest, /Bad date/)
  t.match(last, { code: 0, stdout: /deal +3 +0 +0\n/ })
  t.equal((await readFile(refused, 'utf8')).split('\n').length, 2)
  t.match(await dump(db), { deals: { length: 5 } })
})

t.test('refused lines of NDJSON are written as they stand', async (t) => {
  const { load, folder } = await createService(t)
  const bad = '{"kind":"deal","id":"d1","amount":0,"stage":"Won","attribution_model":"equal"}'

  const { stdout } = await load(
    { 'rows.ndjson': `{"kind":"partner"}\n\n${bad}\n` },
    '--refused',
    'refused.ndjson',
  )

  t.match(stdout, /rows.ndjson:1: partner: It has no id/)
  t.match(stdout, /rows.ndjson:3: deal d1: There is no field stage of a deal; the fields of a deal are id, /)
  t.equal(await readFile(join(folder, 'refused.ndjson'), 'utf8'), `{"kind":"partner"}\n${bad}\n`)
})

t.test('a dry run checks every row and sends nothing', async (t) => {
  const { load, db } = await createService(t)

  const { code, stdout } = await load({ 'crm.csv': crm }, ...options, '--dry-run')

  t.equal(code, 2)
  t.match(
    stdout,
    /The first deal: {"id":"1","amount":1000.5,"closed_date":"2024-01-31","attribution_model":"equal"}/,
  )
  t.match(stdout, /crm.csv:4: deal 2: Close Date/)
  t.match(stdout, / would be sent +refused\ndeal +1 +4\nNothing was sent/)
  t.match(await dump(db), { deals: [] })
})

t.test('a JSON array with numeric ids is imported, also from standard input', async (t) => {
  const { url, key, folder, db } = await createService(t)
  const rows = [
    { Id: 7, Name: 'a ] "quoted" [\n', email: 'a@example.com', Owner: null },
    { Id: 12_345_678_901, Name: 'B, {}', email: 'b@example.com' },
  ]
  const args = ['-', '--kind', 'partner', '--map', 'Id=id', '--map', 'Name=name', '--unknown', 'drop']
  const run = (input: string) =>
    runCommand('src/bin/import.ts', [...args, '--url', url], { folder, env: { API_KEY: key }, input })

  const pretty = await run(JSON.stringify(rows, null, 2).replace('\\n', ''))
  const compact = await run(JSON.stringify(rows).replace('\\n', ''))
  const cut = await run(JSON.stringify(rows).slice(0, -1))
  const csv = await run('Id;Name;email\n8;Ö;c@example.com\n')

  t.match(pretty, { code: 0, stdout: /partner +2 +0 +0/ })
  t.match(compact, { code: 0, stdout: /partner +0 +2 +0/ })
  t.match(cut, { code: 1, stderr: /standard input cannot be read: the JSON array does not end/ })
  t.match(csv, { code: 0, stdout: /partner +1 +0 +0/, stderr: /standard input: CSV with semicolons, UTF-8/ })
  t.match(await dump(db), { partners: [{ id: '12345678901' }, { id: '7' }, { id: '8' }] })
})

t.test('options that do not fit are refused before anything is sent', async (t) => {
  const { load, db } = await createService(t)
  const partners = 'id,name,email\np1,Alice,alice@example.com\n'
  const refuse = async (pattern: RegExp, ...given: readonly string[]) =>
    t.match(await load({ 'partners.csv': partners }, ...given), { code: 1, stderr: pattern }, given.join(' '))

  await refuse(
    /There is no field stage; the fields of a partner are id, name, email/,
    '--kind',
    'partner',
    '--map',
    'name=stage',
  )
  await refuse(/There is no column Name; the columns are id, name, email\./, '--map', 'Name=name')
  await refuse(/There is no column Stage; the columns are/, '--only', 'Stage=Won')
  await refuse(/There is no column Street; the columns are/, '--set', 'name={Street}')
  await refuse(
    /no column has the name that a partner needs\. Name it with --map 'Column=name'/,
    '--map',
    'name=',
    '--kind',
    'partner',
  )
  await refuse(/--unknown must be one of drop, metadata, refuse/, '--unknown', 'keep')
  await refuse(/--map takes a pair such as 'Record ID=id', not name/, '--map', 'name')
  await refuse(/DD\.MM is not a date format/, '--date-format', 'DD.MM')
  await refuse(/--encoding must be one of utf-8/, '--encoding', 'latin1')
  await refuse(
    /There is no map file crm\. Those of the service: hubspot-deals, salesforce-opportunities/,
    '--map-file',
    'crm',
  )
  await refuse(/partners\.csv is read, so it cannot be written/, '--refused', 'partners.csv')
  await refuse(/Unknown option '--updat'/, '--updat')
  t.match(await dump(db), { partners: [] })
})

t.test('a workbook is explained, and so is an entry of a map file that does not exist', async (t) => {
  const { load, folder } = await createService(t)
  await writeFile(join(folder, 'map.json'), '{"columns": {}}')

  const workbook = await load({ 'deals.xlsx': Buffer.from('PK\u0003\u0004...') })
  const map = await load({ 'partners.csv': 'id\n' }, '--map-file', 'map.json')

  t.match(workbook, {
    code: 1,
    stderr: /deals\.xlsx cannot be read: it is an Excel workbook.*choose File > Save As/,
  })
  t.match(map, {
    code: 1,
    stderr: /The map file map\.json has no entry columns; its entries are kind, map, set, only/,
  })
})

t.test('--help lists the options and needs no service', async (t) => {
  const { code, stdout } = await runCommand('src/bin/import.ts', ['--help'], { folder: t.testdir() })

  t.equal(code, 0)
  for (const option of [
    '--map',
    '--map-file',
    '--set',
    '--only',
    '--date-format',
    '--decimal-comma',
    '--dry-run',
    '--refused',
  ])
    t.match(stdout, option)
})

t.test('Ctrl-C stops an import, which prints its totals', async (t) => {
  const { url, key, folder } = await createService(t)
  const rows = ['a', 'b'].map(
    (id) => `{"kind":"partner","id":"${id}","name":"${id}","email":"${id}@example.com"}\n`,
  )
  const deal = '{"kind":"deal","id":"d","amount":1,"attribution_model":"equal"}\n'
  await writeFile(join(folder, 'rows.ndjson'), [...rows, deal].join(''))
  const started = new Set<ChildProcess>()
  const balancer = await startBalancer(t, url, [
    stored,
    () => started.forEach((child) => child.kill('SIGINT')),
  ])

  const { code, stdout, stderr } = await runCommand('src/bin/import.ts', ['rows.ndjson', '--url', balancer], {
    folder,
    env: { API_KEY: key },
    onStart: (child) => void started.add(child),
  })

  t.equal(code, 1)
  t.match(stdout, /partner +2 +0 +0\n/)
  t.match(stderr, /Stopped\. Run the import again to send the rest\./)
})
