import { parseArgs, type ParseArgsOptionDescriptor } from 'node:util'
import { run } from './environment.ts'

/** An option of a command: a switch, or an option with a value if `value` names that value. */
interface Option {
  readonly help: string
  /** The name of the value in the help, such as MINUTES. */
  readonly value?: string
  readonly default?: string
  readonly isRequired?: boolean
  readonly isRepeatable?: boolean
}

type Options = Readonly<Record<string, Option>>

type Values<Given extends Options> = {
  readonly [Name in keyof Given]: Given[Name] extends { value: string }
    ? Given[Name] extends { isRepeatable: true }
      ? readonly string[]
      : Given[Name] extends { default: string } | { isRequired: true }
        ? string
        : string | undefined
    : boolean
}

export interface Command {
  /** What the command does, for `--help`. */
  readonly does: string
  /** The names of its arguments, all required. The last may be repeated if its name ends with `…`. */
  readonly arguments?: readonly string[]
  readonly options?: Options
  readonly run: (values: never, ...args: readonly string[]) => Promise<void>
}

// A line of usage with more words is not read.
const mostWords = 8

/** Returns the command, and gives `run` the types of its options. */
export function command<const Given extends Options>(
  definition: Omit<Command, 'run'> & {
    readonly options?: Given
    readonly run: (values: Values<Given>, ...args: readonly string[]) => Promise<void>
  },
): Command {
  return definition
}

/** Runs the command of a program. `--help` is answered, and unknown options and arguments are refused, before it starts. */
export async function runCommand(program: string, definition: Command): Promise<void> {
  await run(() => execute(program, definition, process.argv.slice(2)))
}

/** Runs the command that the first argument names. */
export async function runOneOf(program: string, commands: Readonly<Record<string, Command>>): Promise<void> {
  await run(async () => {
    const [name = '', ...args] = process.argv.slice(2)
    const chosen = Object.hasOwn(commands, name) ? commands[name] : undefined
    if (chosen !== undefined) return execute(`${program} -- ${name}`, chosen, args)
    if ([name, ...args].includes('--help')) return printHelp(program, commands)
    const names = Object.keys(commands).join(', ')
    throw new Error(
      `${name === '' ? 'Nothing was asked for' : `There is no ${name}`}: \`${program}\` takes one of ${names}.`,
    )
  })
}

async function execute(program: string, definition: Command, argv: readonly string[]): Promise<void> {
  if (argv.includes('--help')) return console.log(describe(program, definition))
  const { values, args } = read(program, definition, argv)
  await definition.run(values as never, ...args)
}

function read(program: string, { arguments: names = [], options = {} }: Command, argv: readonly string[]) {
  const refuse = (reason: string) => new Error(`${reason}; see \`${separated(program)} --help\`.`)
  const { values, positionals: args } = parse(options, argv, refuse)
  const isRepeated = names.at(-1)?.endsWith('…') ?? false
  const missing = names[args.length]
  if (missing !== undefined) throw refuse(`${missing} is missing`)
  if (args.length > names.length && !isRepeated) throw refuse(`Unexpected argument '${args[names.length]}'`)
  for (const [name, { value, help, isRequired }] of Object.entries(options)) {
    if (isRequired && values[name] === undefined) throw refuse(`--${name} ${value} is missing: ${help}`)
    if (value === undefined && !values[name] && isTakenByNpm(name))
      throw refuse(`npm has taken --${name}, write \`${separated(program)} --${name}\``)
  }
  return { values, args }
}

/** Without `--` before it, npm takes a switch for one of its own and does not pass it on. */
function isTakenByNpm(name: string): boolean {
  return process.env[`npm_config_${name.replaceAll('-', '_')}`] === 'true'
}

type Parsed = Readonly<Record<string, string | boolean | readonly string[] | undefined>>

function parse(options: Options, argv: readonly string[], refuse: (reason: string) => Error) {
  const table = Object.fromEntries(
    Object.entries(options).map(([name, option]) => [name, toNodeOption(option)]),
  )
  try {
    const { values, positionals } = parseArgs({ args: [...argv], allowPositionals: true, options: table })
    return { values: values as Parsed, positionals }
  } catch (error) {
    // Later sentences of Node's message suggest an argument that begins with a hyphen.
    const [reason = ''] = (error as Error).message.split(/\.(?:\s|$)/)
    throw refuse(reason)
  }
}

function toNodeOption({ value, isRepeatable = false, default: standard }: Option): ParseArgsOptionDescriptor {
  if (value === undefined) return { type: 'boolean', default: false }
  if (isRepeatable) return { type: 'string', multiple: true, default: [] }
  return standard === undefined ? { type: 'string' } : { type: 'string', default: standard }
}

function printHelp(program: string, commands: Readonly<Record<string, Command>>): void {
  const all = Object.entries(commands).map(([name, each]) => describe(`${program} -- ${name}`, each))
  console.log(all.join('\n\n'))
}

function describe(program: string, { does, arguments: names = [], options = {} }: Command): string {
  const entries = Object.entries(options).map(([name, option]) => {
    const use = option.value === undefined ? `--${name}` : `--${name} ${option.value}`
    const initial = option.default === undefined ? '' : ` (default: ${option.default})`
    return { use, isRequired: option.isRequired, help: `${option.help}${initial}` }
  })
  const words = [...names, ...entries.map(({ use, isRequired }) => (isRequired ? use : `[${use}]`))]
  const shown = words.length > mostWords ? [...names, '[options]'] : words
  const usage = words.length === 0 ? program : `${separated(program)} ${shown.join(' ')}`
  const width = Math.max(0, ...entries.map(({ use }) => use.length))
  const lines = entries.map(({ use, help }) => `  ${use.padEnd(width)}  ${help}`)
  return [`Usage: ${usage}`, does, ...lines].join('\n')
}

/** The program with the `--` after which npm passes options on. */
function separated(program: string): string {
  return program.includes(' -- ') ? program : `${program} --`
}
