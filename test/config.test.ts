import t from 'tap'
import { readEnvironment } from '../src/config.ts'

t.test('each faulty setting is named with the values it takes, all in one message', (t) => {
  const environment = {
    LOG_LEVEL: 'verbose',
    DEFAULT_CURRENCY: 'XXQ',
    PORT: 'http',
    DRAIN_SECONDS: '-1',
    RATE_LIMIT_MAX: '1.5',
    DOCS: 'no',
    TIME_ZONE: 'Europe/Bonn',
    DATABASE_URL: 'mysql://me:secret@localhost/attribution',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'localhost:4318',
    TRUST_PROXY: '10.0.0.0/33',
    CORS_ORIGIN: 'crm.example.com',
    PAYOUT_KEYS_FILE: '/nowhere/keys',
  }

  t.throws(() => readEnvironment(environment), {
    message: `PORT must be a whole number from 0 to 65535.
OTEL_EXPORTER_OTLP_ENDPOINT must be an http or https URL, such as http://localhost:4318.
DATABASE_URL must be a URL such as postgres://user:password@host:5432/database, in which a password has its special characters percent-encoded.
DRAIN_SECONDS must be a whole number from 0 to 300.
LOG_LEVEL must be fatal, error, warn, info, debug, trace or silent.
CORS_ORIGIN must be origins such as https://crm.example.com, separated by commas, or *.
TRUST_PROXY must be IP addresses and CIDR ranges, separated by commas, such as 10.0.0.0/8.
DOCS must be on or off.
RATE_LIMIT_MAX must be a whole number from 1 to 1000000000.
TIME_ZONE must be an IANA time zone, such as Europe/Berlin or UTC.
DEFAULT_CURRENCY must be the ISO 4217 code of a currency, such as USD.
PAYOUT_KEYS_FILE must be the path of a file that the service can read.`,
  })
  t.end()
})

t.test('a setting takes these values', (t) => {
  const taken = [
    ...['USD', 'HRK'].map((DEFAULT_CURRENCY) => ({ DEFAULT_CURRENCY })),
    ...['10.0.0.1', '10.0.0.0/8, fd00::/8', 'loopback', '10.0.0.0/255.0.0.0'].map((TRUST_PROXY) => ({
      TRUST_PROXY,
    })),
    ...['*', 'https://a.example, http://localhost:8080'].map((CORS_ORIGIN) => ({ CORS_ORIGIN })),
    ...['postgres://u:p%40@h/d', 'postgresql://u@/d', 'postgres:///d?host=/run'].map((DATABASE_URL) => ({
      DATABASE_URL,
    })),
  ]
  const refused = [
    ...['ABC', 'XXX', 'usd', 'US'].map((DEFAULT_CURRENCY) => ({ DEFAULT_CURRENCY })),
    ...['', '10.0.0', 'balancer', '10.0.0.0/0', '10.0.0.1,'].map((TRUST_PROXY) => ({
      TRUST_PROXY: `${TRUST_PROXY} `,
    })),
    ...['https://a.example/', 'a.example'].map((CORS_ORIGIN) => ({ CORS_ORIGIN })),
    ...['postgres://u:p/w@h/d', 'h:5432'].map((DATABASE_URL) => ({ DATABASE_URL })),
  ]

  for (const env of taken) t.match(readEnvironment(env), env)
  for (const env of refused) t.throws(() => readEnvironment(env), { message: /^[A-Z_]+ must be [^\n]+$/ })
  t.end()
})
