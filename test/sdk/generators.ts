import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { strict } from './strict.ts'

// Makes clients of openapi/openapi.json with the generators that users have, and compiles each. Needs the network, for
// npm; Python and Java are tried where they are.

const { values } = parseArgs({ options: { keep: { type: 'boolean', default: false } } })
const tools = {
  'openapi-typescript': '7.13.0',
  'openapi-fetch': '0.17.0',
  orval: '8.38.0',
  typescript: '5.9.3',
  '@openapitools/openapi-generator-cli': '1.0.18-5.0.0-beta2',
}
const folder = await mkdtemp(join(tmpdir(), 'partner-attribution-sdks-'))
const jar = join(folder, 'node_modules/@openapitools/openapi-generator-cli/bin/openapi-generator.jar')

try {
  await cp(new URL('../../openapi/openapi.json', import.meta.url), join(folder, 'openapi.json'))
  await install()
  await check('openapi-typescript with openapi-fetch', checkOpenapiTypescript)
  await check('orval', checkOrval)
  await check('Python', checkPython, ['java', '-version'], ['python3', '--version'])
  await check('Java', checkJava, ['java', '-version'], ['javac', '-version'])
} finally {
  if (values.keep) console.log(`The clients are in ${folder}`)
  else await rm(folder, { recursive: true })
}

async function check(name: string, make: () => Promise<string>, ...needs: string[][]): Promise<void> {
  for (const [tool = '', ...args] of needs) {
    const isThere = await run(tool, ...args).then(
      () => true,
      () => false,
    )
    if (!isThere) return console.log(`${name}: not tried, there is no ${tool} here`)
  }
  try {
    console.log(`${name}: ${await make()}`)
  } catch (error) {
    console.error(`${name}: ${(error as Error).message}`)
    process.exitCode = 1
  }
}

async function install(): Promise<void> {
  const manifest = { private: true, type: 'module', devDependencies: tools }
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest))
  await run('npm', 'install', '--no-audit', '--no-fund', '--no-package-lock')
}

async function checkOpenapiTypescript(): Promise<string> {
  await run('node_modules/.bin/openapi-typescript', 'openapi.json', '-o', 'api.d.ts')
  const use = `import createClient from 'openapi-fetch'
import type { components, paths } from './api.d.ts'

const api = createClient<paths>({ baseUrl: 'http://127.0.0.1:3000', headers: { 'X-API-Key': 'sk_…' } })
const { data, error } = await api.POST('/partners', { body: { name: 'Alice', email: 'alice@example.com' } })
export const partner: components['schemas']['Partner'] | undefined = data?.partner
export const code: components['schemas']['ProblemCode'] | undefined = error?.code
`
  // What it says of any header of any answer is [name: string]: unknown.
  return compile('use-openapi-fetch.ts', use, 'api.d.ts', /^\[name: string\]: unknown;$/)
}

async function checkOrval(): Promise<string> {
  const output = { target: 'orval.ts', client: 'fetch', mode: 'single' }
  const config = { api: { input: 'openapi.json', output } }
  await writeFile(join(folder, 'orval.config.mjs'), `export default ${JSON.stringify(config)}\n`)
  await run('node_modules/.bin/orval', '--config', 'orval.config.mjs')
  const use = `import { getAttribution, type Share } from './orval.ts'

const answer = await getAttribution('deal-123')
export const shares: readonly Share[] = answer.status === 200 ? answer.data.attributions : []
`
  return compile('use-orval.ts', use, 'orval.ts')
}

/** Compiles under strict settings that check libraries too, and refuses any and unknown but for clients' metadata. */
async function compile(file: string, text: string, generated: string, known = /^$/): Promise<string> {
  await writeFile(join(folder, file), text)
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: strict, files: [file] }))
  await run('node_modules/.bin/tsc', '-p', '.')
  const lines = (await readFile(join(folder, generated), 'utf8')).split('\n').map((line) => line.trim())
  const vague = lines.filter(
    (line, index) =>
      /\b(?:any|unknown)\b/.test(line) &&
      !line.startsWith('*') &&
      !known.test(line) &&
      !/metadata/i.test(`${lines[index - 1]} ${line}`),
  )
  if (vague.length > 0) throw new Error(`it says too little:\n${vague.join('\n')}`)
  return `${lines.length} lines, no error, nothing any or unknown but metadata`
}

async function checkPython(): Promise<string> {
  await generate('python')
  await run('python3', '-m', 'compileall', '-q', 'python/openapi_client')
  return `${(await list('python/openapi_client', '.py')).length} modules compile`
}

async function checkJava(): Promise<string> {
  await generate('java', '--library=native', '--additional-properties=openApiNullable=false')
  const sources = await list('java/src/main', '.java')
  // The generator's jar holds Jackson, and so all that the client needs.
  await run('javac', '-d', 'classes', '-cp', jar, ...sources)
  return `${sources.length} classes compile`
}

function generate(language: string, ...options: readonly string[]): Promise<string> {
  const opens = ['java.base/java.lang', 'java.base/java.util'].map(
    (name) => `--add-opens=${name}=ALL-UNNAMED`,
  )
  const args = ['generate', '-i', 'openapi.json', '-g', language, '-o', language, ...options]
  return run('java', ...opens, '-jar', jar, ...args)
}

async function list(path: string, suffix: string): Promise<string[]> {
  const files = await readdir(join(folder, path), { recursive: true })
  return files.filter((file) => file.endsWith(suffix)).map((file) => join(path, file))
}

function run(command: string, ...args: readonly string[]): Promise<string> {
  // The tools run on the Node that runs this.
  const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH']}` }
  return new Promise((resolve, reject) => {
    execFile(command, args, { cwd: folder, env, maxBuffer: 100_000_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`${command} ${args.slice(0, 4).join(' ')}\n${stdout}${stderr}`, { cause: error }))
    })
  })
}
