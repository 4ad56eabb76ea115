import t from 'tap'
import { createApp } from '../support/app.ts'

const origin = 'https://crm.example'

t.test('no other origin may call the service without CORS_ORIGIN', async (t) => {
  const { app } = await createApp(t)

  const answer = await app.inject({ url: '/health', headers: { origin } })
  const preflight = await app.inject({
    method: 'OPTIONS',
    url: '/deals',
    headers: { origin, 'access-control-request-method': 'POST' },
  })

  t.notOk(answer.headers['access-control-allow-origin'])
  t.equal(preflight.statusCode, 404)
})

t.test(
  'an origin in CORS_ORIGIN may use every method and read the headers, and another may not',
  async (t) => {
    const { app } = await createApp(t, { config: { CORS_ORIGIN: `https://other.example, ${origin}` } })
    const preflight = (from: string) =>
      app.inject({
        method: 'OPTIONS',
        url: '/partners/p1',
        headers: {
          origin: from,
          'access-control-request-method': 'PATCH',
          'access-control-request-headers': 'x-api-key',
        },
      })

    const allowed = await preflight(origin)
    const refused = await preflight('https://evil.example')
    const unauthenticated = await app.inject({ url: '/partners', headers: { origin } })

    t.match(allowed.headers, {
      'access-control-allow-origin': origin,
      'access-control-allow-methods': /PATCH.*DELETE/,
      'access-control-allow-headers': 'x-api-key',
    })
    t.notOk(refused.headers['access-control-allow-origin'])
    t.equal(unauthenticated.statusCode, 401)
    t.match(unauthenticated.headers, {
      'access-control-allow-origin': origin,
      'access-control-expose-headers': /RateLimit-Remaining.*Retry-After/,
    })
  },
)

t.test('CORS_ORIGIN=* lets every origin call', async (t) => {
  const { app } = await createApp(t, { config: { CORS_ORIGIN: '*' } })

  const answer = await app.inject({ url: '/health', headers: { origin } })

  t.equal(answer.headers['access-control-allow-origin'], '*')
})

t.test(
  'rate limits use the address of the connection, or X-Forwarded-For behind a trusted proxy',
  async (t) => {
    const spend = async (TRUST_PROXY: string | undefined, peer: string) => {
      const { app } = await createApp(t, { config: TRUST_PROXY === undefined ? {} : { TRUST_PROXY } })
      const send = async (client: string) => {
        const headers = { 'x-forwarded-for': client }
        return (await app.inject({ url: '/partners', remoteAddress: peer, headers })).statusCode
      }
      for (let sent = 0; sent < 20; sent += 1) await send(`203.0.113.${sent}`)
      return send('203.0.113.99')
    }

    t.equal(await spend(undefined, '10.0.0.1'), 429)
    t.equal(await spend('10.0.0.0/8, 192.168.0.1', '10.0.0.1'), 401)
    t.equal(await spend('10.0.0.0/8', '172.16.0.1'), 429)
  },
)

t.test('every answer carries security headers', async (t) => {
  const { call, app } = await createApp(t)

  for (const answer of [
    await call('GET', '/partners'),
    await call('GET', '/partners/nobody'),
    await app.inject('/nowhere'),
  ]) {
    t.match(answer.headers, {
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
      'content-security-policy': /default-src 'self'/,
    })
    t.notOk(answer.headers['x-powered-by'])
  }
})

t.test('DOCS=off hides the documentation and nothing else', async (t) => {
  const off = await createApp(t, { config: { DOCS: 'off' } })
  const on = await createApp(t, { config: { DOCS: 'on' } })

  for (const path of ['/docs', '/docs/', '/docs/errors', '/docs/json', '/docs/yaml']) {
    t.equal((await off.app.inject(path)).statusCode, 404, path)
    t.ok((await on.app.inject(path)).statusCode < 400, path)
  }
  t.equal((await off.app.inject('/')).statusCode, 200)
})

t.test('the service generates request ids and ignores the X-Request-Id of the client', async (t) => {
  const { app } = await createApp(t)

  const answers = await Promise.all(
    ['/health', '/partners', '/nowhere', '/partners/%ZZ'].map((url) =>
      app.inject({ url, headers: { 'x-request-id': 'evil' } }),
    ),
  )

  const names = answers.map(({ headers }) => String(headers['x-request-id']))
  for (const name of names) t.match(name, /^[0-9a-f]{8}-[0-9a-f]{4}-4/)
  t.equal(new Set(names).size, 4)
  t.strictSame(
    answers.slice(1).map((answer) => answer.json<{ request_id: string }>().request_id),
    names.slice(1),
  )
})
