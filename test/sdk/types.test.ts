import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import t from 'tap'
import { strict } from './compiler-options.ts'

const source = (await readFile('sdk/client.ts', 'utf8')).replace('// @ts-nocheck\n', '')

t.test('the client compiles in a strict project that also checks libraries', async (t) => {
  const folder = 'test-output/sdk'
  await mkdir(folder, { recursive: true })
  await writeFile(`${folder}/client.ts`, source)
  await writeFile(`${folder}/use.ts`, use)
  const compilerOptions = { ...strict, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true }
  await writeFile(`${folder}/tsconfig.json`, JSON.stringify({ compilerOptions, files: ['use.ts'] }))

  t.equal(await compile(folder), '')
})

t.test('the client types only free-form fields as any or unknown', (t) => {
  const [types = ''] = source.split('Embedded runtime')
  const vague = types
    .split('\n')
    .filter((line) => /\b(?:any|unknown)\b/.test(line.replace(/"[^"]*"|\w+_\w+|\/?\*.*/g, '')))
    .map((line) => line.trim())

  // Metadata and audit entries are free-form; the index and the health check declare no error.
  const known =
    /^(?:metadata\??|before|after): Record<string, unknown>|^result: Result<Get(?:Index|Health)Result, unknown>/
  t.strictSame(
    vague.filter((line) => !known.test(line)),
    [],
  )
  t.end()
})

const use = `import { client, type Partner, type Problem } from './client.ts'

client.configure({ serverUrl: 'http://127.0.0.1:3000', auth: { apiKey: { apiKey: 'sk_…' } }, idempotencyKey: true })

export async function register(name: string, email: string): Promise<Partner | Problem> {
  const { data, error } = await client.createPartner({ body: { name, email } })
  return error === undefined ? data.partner : error
}

export async function payoutsOf(dealId: string): Promise<ReadonlyMap<string, number>> {
  const { data, error } = await client.getAttribution({ path: { dealId } })
  if (error?.code === 'deal_not_found') return new Map()
  if (error !== undefined) throw new Error(error.detail)
  return new Map(data.attributions.map(({ partner_id, payout }) => [partner_id, payout]))
}

export async function countDemos(dealId: string): Promise<number> {
  let demos = 0
  for await (const event of client.listEvents.items({ query: { deal_id: dealId } })) {
    if (event.touchpoint_type === 'demo') demos += 1
  }
  return demos
}

// @ts-expect-error: a model that does not exist
await client.closeDeal({ body: { amount: 1, attribution_model: 'fair' } })
`

function compile(folder: string): Promise<string> {
  return new Promise((done) => {
    execFile(process.execPath, ['node_modules/typescript/lib/tsc.js', '-p', folder], (_, stdout, stderr) =>
      done(stdout + stderr),
    )
  })
}
