import { type Static, Type } from '@sinclair/typebox'
import type { FuncKeywordDefinition } from 'ajv'
import envSchema from 'env-schema'
import { isTimeZone } from './values/calendar.ts'
import { decimals } from './values/currencies.ts'
import { currencyCode } from './values/schemas.ts'

const currency: FuncKeywordDefinition = {
  keyword: 'currency',
  type: 'string',
  validate: (_: boolean, code: string) => decimals.has(code),
  error: { message: currencyCode },
}

const timeZone: FuncKeywordDefinition = {
  keyword: 'timeZone',
  type: 'string',
  validate: (_: boolean, name: string) => isTimeZone(name),
  error: { message: 'must be an IANA time zone, such as Europe/Berlin or UTC' },
}

const EnvironmentSchema = Type.Object({
  HOST: Type.String({ default: '127.0.0.1' }),
  PORT: Type.Integer({ default: 3000, minimum: 0, maximum: 65_535 }),
  METRICS_PORT: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535 })),
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(Type.String({ pattern: '^https?://' })),
  DATABASE_URL: Type.Optional(Type.String({ pattern: '^postgres(ql)?://' })),
  DATABASE_URL_FILE: Type.Optional(Type.String({ description: 'A file that contains the DATABASE_URL.' })),
  DATABASE_OWNER_URL: Type.Optional(
    Type.String({
      pattern: '^postgres(ql)?://',
      description: 'The owner of the schema, for migrations.',
    }),
  ),
  DATABASE_OWNER_URL_FILE: Type.Optional(
    Type.String({ description: 'A file that contains the DATABASE_OWNER_URL.' }),
  ),
  DATABASE_POOL_MAX: Type.Integer({ default: 10, minimum: 2, maximum: 200 }),
  DATA_DIR: Type.String({ default: './data', minLength: 1 }),
  MIGRATE_ON_START: Type.Union([Type.Literal('on'), Type.Literal('off')], { default: 'on' }),
  DRAIN_SECONDS: Type.Integer({ default: 3, minimum: 0, maximum: 300 }),
  LOG_LEVEL: Type.Union(
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'].map((level) => Type.Literal(level)),
    { default: 'info' },
  ),
  CORS_ORIGIN: Type.Optional(Type.String()),
  TRUST_PROXY: Type.Optional(
    Type.String({ description: 'Addresses and CIDR ranges of the load balancers.' }),
  ),
  DOCS: Type.Union([Type.Literal('on'), Type.Literal('off')], { default: 'on' }),
  RATE_LIMIT_MAX: Type.Integer({ default: 100, minimum: 1 }),
  RATE_LIMIT_WINDOW: Type.Integer({ default: 15, minimum: 1, description: 'Minutes.' }),
  TIME_ZONE: Type.String({
    default: 'UTC',
    timeZone: true,
    description: "The time zone of the company's calendar: its days, months and years.",
  }),
  DEFAULT_CURRENCY: Type.String({ default: 'USD', currency: true }),
  ATTRIBUTION_CLOSE_GRACE_MINUTES: Type.Integer({ default: 60, minimum: 0, maximum: 525_600 }),
  ATTRIBUTION_LOOKBACK_DAYS: Type.Optional(Type.Integer({ minimum: 1, maximum: 36_500 })),
  MEMO_MEGABYTES: Type.Integer({ default: 16, minimum: 0, maximum: 1024 }),
  PAYOUT_KEYS: Type.Optional(Type.String()),
  PAYOUT_KEYS_FILE: Type.Optional(Type.String()),
})

export type Environment = Static<typeof EnvironmentSchema>

/** Reads the settings of the service from the environment. Throws one error that lists every fault. */
export function readEnvironment(env: NodeJS.ProcessEnv): Environment {
  // A compose file passes a variable that is not set as an empty one.
  const data = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  return envSchema<Environment>({
    schema: structuredClone(EnvironmentSchema),
    data,
    env: false,
    dotenv: false,
    ajv: { customOptions: (ajv) => ajv.addKeyword(currency).addKeyword(timeZone) },
  })
}
