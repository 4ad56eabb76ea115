import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { settingNames } from '../../src/config.ts'
import { createApp } from '../support/app.ts'
import { givenPartner } from '../support/fixtures.ts'
import { createHome, runCommand, startService } from './processes.ts'

const root = new URL('../../', import.meta.url)
const read = (file: string) => readFileSync(new URL(file, root), 'utf8')
const readme = read('README.md')
const sectionOf = (heading: string) =>
  readme.split(/^## /m).find((section) => section.startsWith(heading)) ?? ''
const hasCurl = spawnSync('curl', ['--version']).status === 0

const blocksOf = (section: string) =>
  [...section.matchAll(/```(\w+)\n(.*?)```/gs)].map(([, kind, text = '']) => ({ kind, text }))

const parse = (text: string) => JSON.parse(text, masked) as unknown

/** Masks instants, which differ in each run. */
function masked(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const instants = ['created_at', 'updated_at', 'calculated_at'].filter((name) => name in value)
  return { ...value, ...Object.fromEntries(instants.map((name) => [name, 'some time'])) }
}

t.test(
  'the commands of "Use it" in the README give the documented answers',
  { skip: !hasCurl && 'curl is not installed' },
  async (t) => {
    const home = await createHome(t)
    const service = await startService(t, home)
    await writeFile(join(home.folder, '.env.local'), `API_KEY=${home.key}\n`)
    const blocks = blocksOf(sectionOf('Use it'))
    const separator = 'printf "\\0"\n'
    const script = blocks.filter(({ kind }) => kind === 'sh').map(({ text }) => text + separator)

    const pasted = script.join('').replace('http://127.0.0.1:3000', service.url)
    const answers = execFileSync('sh', { cwd: home.folder, input: pasted, encoding: 'utf8' }).split('\0')

    const documented = blocks.filter(({ kind }) => kind === 'json').map(({ text }) => parse(text))
    t.ok(documented.length > 5)
    t.strictSame(answers.filter((answer) => answer !== '').map(parse), documented)
  },
)

const touch = (partner_id: string, touchpoint_type: string, day: string) => ({
  partner_id,
  touchpoint_type,
  timestamp: `2024-01-${day}T10:00:00Z`,
})

const agreed = [
  { partner_id: 'alice', percentage: 15 },
  { partner_id: 'carol', percentage: 60 },
]

t.test('the model tables of the README match the service', async (t) => {
  const service = await createApp(t)
  for (const name of ['Alice', 'Bob', 'Carol']) await givenPartner(service, name.toLowerCase(), name)
  const tables = sectionOf('Models').split(/^\*\*/m).slice(1)

  for (const table of tables) {
    const model = table.slice(0, table.indexOf('**'))
    const rows = [...table.matchAll(/^\| (\w+) \| .* \| ([\d.]+) \| ([\d.]+) \|$/gm)]
    const split = await service.call('POST', '/attribution/simulate', {
      amount: 1000,
      closed_date: '2024-01-20T10:00:00Z',
      attribution_model: model,
      ...(model === 'agreed' && { model_parameters: { shares: agreed } }),
      events: [
        touch('alice', 'referral', '06'),
        touch('bob', 'demo', '13'),
        touch('alice', 'support', '13'),
        touch('carol', 'closer', '20'),
      ],
    })
    const { attributions } = split.json<{ attributions: Record<string, unknown>[] }>()
    t.strictSame(
      rows.map(([, name, percentage, payout]) => [name, Number(percentage), Number(payout)]),
      attributions.map(({ partner_name, percentage, payout }) => [partner_name, percentage, payout]),
      model,
    )
  }
  const { attribution_models } = (await service.call('GET', '/')).json<{ attribution_models: string[] }>()
  t.strictSame(
    tables.map((table) => table.slice(0, table.indexOf('**'))),
    attribution_models,
  )
})

t.test('the README and .env.example list exactly the variables of the configuration', async (t) => {
  const variables = new Set([...settingNames, 'API_URL', 'API_KEY'])

  const rows = [...sectionOf('Configuration').matchAll(/^\| (`.*?`) \|/gm)].map(([, names = '']) => names)
  const lines = [...read('.env.example').matchAll(/^#([A-Z_]+)=/gm)].map(([, name]) => name)

  t.strictSame(new Set(rows.flatMap((names) => names.match(/[A-Z_]+/g))), variables)
  t.strictSame(new Set(lines), variables)
})

t.test('the service accepts the import examples of the README', async (t) => {
  const { app, key } = await createApp(t)
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const folder = t.testdir()
  const examples = blocksOf(sectionOf('Import')).filter(({ kind }) => kind !== 'sh')
  const files = examples.map(({ kind }, index) => `${index}.${kind}`)
  for (const [index, { text }] of examples.entries())
    await writeFile(join(folder, files[index] as string), text)

  const { code, stdout } = await runCommand('src/bin/import.ts', [...files, '--url', url], {
    folder,
    env: { API_KEY: key },
  })

  t.equal(code, 0)
  t.match(stdout, /partner +1 +0 +0\nevent +1 +1 +0\ndeal +1 +0 +0\n/)
})
