import { accessSync, constants } from 'node:fs'
import { isIP } from 'node:net'
import { type Static, type TSchema, Type } from '@sinclair/typebox'
import type { ErrorObject, FuncKeywordDefinition } from 'ajv'
import envSchema from 'env-schema'
import { isTimeZone } from './values/calendar.ts'
import { isCurrency } from './values/currencies.ts'

/** The name of the check of a setting, and whether a value passes it. */
const checks: Readonly<Record<string, (value: string) => boolean>> = {
  currency: isCurrency,
  timeZone: isTimeZone,
  // pg reads a URL without a host as the path of a socket.
  databaseUrl: (url) => /^postgres(ql)?:\/\//.test(url) && URL.canParse(url.replace('@/', '@socket/')),
  httpUrl: (url) => /^https?:\/\//.test(url) && URL.canParse(url),
  networks: (list) => list.split(',').every((network) => isNetwork(network.trim())),
  origins: (list) =>
    list.split(',').every((origin) => /^(\*|[a-z][a-z\d+.-]*:\/\/[^/\s]+)$/i.test(origin.trim())),
  readableFile: (path) => {
    try {
      accessSync(path, constants.R_OK)
      return true
    } catch {
      return false
    }
  },
}

function isNetwork(text: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(text)) return true
  const [, address = '', range = '1'] = /^([^/]+)(?:\/(.+))?$/.exec(text) ?? []
  const family = isIP(address)
  const isMask = isIP(range) === family
  return (
    family !== 0 && (isMask || (/^[1-9]\d{0,2}$/.test(range) && Number(range) <= (family === 4 ? 32 : 128)))
  )
}

/** A setting that passes a check; `takes` says which values do. */
function Checked(check: string, takes: string, standard?: string) {
  return Type.String({ check, takes, ...(standard !== undefined && { default: standard }) })
}

function Whole(minimum: number, maximum: number, standard?: number) {
  return Type.Integer({
    minimum,
    maximum,
    takes: `a whole number from ${minimum} to ${maximum}`,
    ...(standard !== undefined && { default: standard }),
  })
}

function Word<const Words extends readonly string[]>(words: Words, standard: Words[number]) {
  const takes = `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
  return Type.Unsafe<Words[number]>({ type: 'string', enum: words, takes, default: standard })
}

const OnOff = Word(['on', 'off'], 'on')
const DatabaseUrl = Checked(
  'databaseUrl',
  'a URL such as postgres://user:password@host:5432/database, in which a password has its special characters percent-encoded',
)
const SecretFile = Checked('readableFile', 'the path of a file that the service can read')

const EnvironmentSchema = Type.Object({
  HOST: Type.String({ default: '127.0.0.1' }),
  PORT: Whole(0, 65_535, 3000),
  METRICS_PORT: Type.Optional(Whole(0, 65_535)),
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(
    Checked('httpUrl', 'an http or https URL, such as http://localhost:4318'),
  ),
  DATABASE_URL: Type.Optional(DatabaseUrl),
  DATABASE_URL_FILE: Type.Optional(SecretFile),
  // The owner of the schema, for migrations.
  DATABASE_OWNER_URL: Type.Optional(DatabaseUrl),
  DATABASE_OWNER_URL_FILE: Type.Optional(SecretFile),
  DATABASE_POOL_MAX: Whole(2, 200, 10),
  DATA_DIR: Type.String({ default: './data' }),
  MIGRATE_ON_START: OnOff,
  DRAIN_SECONDS: Whole(0, 300, 3),
  LOG_LEVEL: Word(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'info'),
  CORS_ORIGIN: Type.Optional(
    Checked('origins', 'origins such as https://crm.example.com, separated by commas, or *'),
  ),
  // The load balancers.
  TRUST_PROXY: Type.Optional(
    Checked('networks', 'IP addresses and CIDR ranges, separated by commas, such as 10.0.0.0/8'),
  ),
  DOCS: OnOff,
  RATE_LIMIT_MAX: Whole(1, 1_000_000_000, 100),
  // Minutes.
  RATE_LIMIT_WINDOW: Whole(1, 525_600, 15),
  // The time zone of the company's calendar: its days, months and years.
  TIME_ZONE: Checked('timeZone', 'an IANA time zone, such as Europe/Berlin or UTC', 'UTC'),
  DEFAULT_CURRENCY: Checked('currency', 'the ISO 4217 code of a currency, such as USD', 'USD'),
  ATTRIBUTION_CLOSE_GRACE_MINUTES: Whole(0, 525_600, 60),
  ATTRIBUTION_LOOKBACK_DAYS: Type.Optional(Whole(1, 36_500)),
  MEMO_MEGABYTES: Whole(0, 1024, 16),
  PAYOUT_KEYS: Type.Optional(Type.String()),
  PAYOUT_KEYS_FILE: Type.Optional(SecretFile),
})

export type Environment = Static<typeof EnvironmentSchema>

export const settingNames: readonly string[] = Object.keys(EnvironmentSchema.properties)

const check: FuncKeywordDefinition = {
  keyword: 'check',
  type: 'string',
  validate: (name: string, value: string) => checks[name]?.(value) === true,
}

/** Reads the settings of the service from the environment. Throws one error that lists every fault. */
export function readEnvironment(env: NodeJS.ProcessEnv): Environment {
  // A compose file passes a variable that is not set as an empty one.
  const data = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  try {
    return envSchema<Environment>({
      schema: structuredClone(EnvironmentSchema),
      data,
      env: false,
      dotenv: false,
      ajv: { customOptions: (ajv) => ajv.addKeyword(check).addKeyword('takes') },
    })
  } catch (error) {
    const { errors } = error as Error & { readonly errors?: readonly ErrorObject[] }
    throw errors === undefined ? error : new Error(listFaults(errors))
  }
}

/** A sentence for each setting that is not valid. It does not contain the value, which may be a secret. */
function listFaults(errors: readonly ErrorObject[]): string {
  const properties: Readonly<Record<string, TSchema>> = EnvironmentSchema.properties
  const names = new Set(errors.map(({ instancePath }) => instancePath.slice(1)))
  return [...names].map((name) => `${name} must be ${String(properties[name]?.['takes'])}.`).join('\n')
}
