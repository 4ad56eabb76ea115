import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { readClientCommands } from './client-commands.ts'
import { strict } from './compiler-options.ts'

// Runs the commands of docs/integrate.md on openapi/openapi.json and checks each client that they generate. Needs the
// network for npm. A client whose language is not installed is not run.

interface Check {
  /** The programs that the commands and the check need. */
  readonly needs?: readonly string[]
  readonly run: () => Promise<string>
}

const checks: Readonly<Record<string, Check>> = {
  TypeScript: { run: checkOpenapiTypescript },
  Orval: { run: checkOrval },
  Go: { needs: ['go'], run: () => runTool('go vet', 'go', 'vet', 'go/client.go') },
  PHP: { needs: ['php'], run: () => runTool('php -l', 'php', '-l', 'php/client.php') },
  Java: { needs: ['javac'], run: () => runTool('javac', 'javac', '-d', 'classes', 'java/Client.java') },
  Python: {
    needs: ['python3'],
    run: () => runTool('py_compile', 'python3', '-m', 'py_compile', 'python/client.py'),
  },
  'OpenAPI Generator': { needs: ['java', 'javac', 'python3'], run: checkOpenapiGenerator },
}
const compilers = { typescript: '5.9.3', 'openapi-fetch': '0.17.0' }

const { values } = parseArgs({ options: { keep: { type: 'boolean', default: false } } })
const folder = await mkdtemp(join(tmpdir(), 'partner-attribution-sdks-'))
const notRun: string[] = []

try {
  await cp(new URL('../../openapi/openapi.json', import.meta.url), join(folder, 'openapi.json'))
  const manifest = { private: true, type: 'module', devDependencies: compilers }
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest))
  await run('npm', 'install', '--no-audit', '--no-fund', '--no-package-lock')
  const commands = await readClientCommands()
  const missing = Object.keys(checks).filter((client) => !commands.has(client))
  if (missing.length > 0) throw new Error(`docs/integrate.md has no commands for ${missing.join(', ')}.`)
  for (const [client, script] of commands) await check(client, script)
  const count = commands.size - notRun.length
  console.log(
    `Run: ${count} of ${commands.size}.${notRun.length > 0 ? ` Not run: ${notRun.join(', ')}.` : ''}`,
  )
} finally {
  if (values.keep) console.log(`The clients are in ${folder}`)
  else await rm(folder, { recursive: true })
}

async function check(client: string, script: string): Promise<void> {
  try {
    const known = checks[client]
    if (known === undefined) throw new Error('test/sdk/generators.ts has no check for this client.')
    for (const tool of known.needs ?? []) {
      if (await isInstalled(tool)) continue
      notRun.push(client)
      return console.log(`${client}: NOT RUN, ${tool} is not installed`)
    }
    await run('sh', '-e', '-c', script)
    console.log(`${client}: ${await known.run()}`)
  } catch (error) {
    console.error(`${client}: FAILED, ${(error as Error).message}`)
    process.exitCode = 1
  }
}

function isInstalled(tool: string): Promise<boolean> {
  return run('sh', '-c', `command -v ${tool}`).then(
    () => true,
    () => false,
  )
}

async function runTool(name: string, command: string, ...args: readonly string[]): Promise<string> {
  await run(command, ...args)
  return `generated, ${name} finds no error`
}

async function checkOpenapiTypescript(): Promise<string> {
  const use = `import createClient from 'openapi-fetch'
import type { components, paths } from './api.d.ts'

const api = createClient<paths>({ baseUrl: 'http://127.0.0.1:3000', headers: { 'X-API-Key': 'sk_…' } })
const { data, error } = await api.POST('/partners', { body: { name: 'Alice', email: 'alice@example.com' } })
export const partner: components['schemas']['Partner'] | undefined = data?.partner
export const code: components['schemas']['ProblemCode'] | undefined = error?.code
`
  // It types the headers of every answer as [name: string]: unknown.
  return compile('use-openapi-fetch.ts', use, 'api.d.ts', /^\[name: string\]: unknown;$/)
}

function checkOrval(): Promise<string> {
  const use = `import { getAttribution, type Share } from './orval.ts'

const answer = await getAttribution('deal-123')
export const shares: readonly Share[] = answer.status === 200 ? answer.data.attributions : []
`
  return compile('use-orval.ts', use, 'orval.ts')
}

/** Compiles with strict settings that also check libraries, and refuses any and unknown except for free-form fields. */
async function compile(file: string, text: string, generated: string, known = /^$/): Promise<string> {
  await writeFile(join(folder, file), text)
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: strict, files: [file] }))
  await run('node_modules/.bin/tsc', '-p', '.')
  const lines = (await readFile(join(folder, generated), 'utf8')).split('\n').map((line) => line.trim())
  const vague = lines.filter(
    (line, index) =>
      /\b(?:any|unknown)\b/.test(line) &&
      !/^\/?\*/.test(line) &&
      !known.test(line) &&
      !/metadata|before|after/i.test(`${lines[index - 1]} ${line}`),
  )
  if (vague.length > 0) throw new Error(`these types are too vague:\n${vague.join('\n')}`)
  return `generated, ${lines.length} lines compile, and only free-form fields are any or unknown`
}

async function checkOpenapiGenerator(): Promise<string> {
  await run('python3', '-m', 'compileall', '-q', 'generated-python/openapi_client')
  const modules = await list('generated-python/openapi_client', '.py')
  const sources = await list('generated-java/src/main', '.java')
  // The jar of the generator contains Jackson, the only dependency of the client.
  const jar = 'node_modules/@openapitools/openapi-generator-cli/bin/openapi-generator.jar'
  await run('javac', '-d', 'generated-classes', '-cp', jar, ...sources)
  return `generated, ${modules.length} Python modules and ${sources.length} Java classes compile`
}

async function list(path: string, suffix: string): Promise<string[]> {
  const files = await readdir(join(folder, path), { recursive: true })
  return files.filter((file) => file.endsWith(suffix)).map((file) => join(path, file))
}

function run(command: string, ...args: readonly string[]): Promise<string> {
  const env = {
    ...process.env,
    // Run the tools on the Node of this process.
    PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH']}`,
    REDOCLY_TELEMETRY: 'off',
  }
  return new Promise((resolve, reject) => {
    execFile(command, args, { cwd: folder, env, maxBuffer: 100_000_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`${command} ${args.slice(0, 4).join(' ')}\n${stdout}${stderr}`, { cause: error }))
    })
  })
}
