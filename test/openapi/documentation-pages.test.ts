import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import t from 'tap'
import { createApp } from '../support/app.ts'
import { createProxy } from '../support/proxy.ts'

const decode: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  br: brotliDecompressSync,
  gzip: gunzipSync,
}

t.test('GET /docs links its files by content hash, and browsers may cache them for a year', async (t) => {
  const { app } = await createApp(t, { config: { DOCS: 'on' } })

  const page = await app.inject('/docs')
  const paths = new Set(linksOf(page.body).filter((link) => link.startsWith('docs/static/')))
  const files = await Promise.all(Array.from(paths, (path) => app.inject(`/${path}`)))

  t.equal(page.headers['cache-control'], 'no-cache')
  t.equal(files.length, 5)
  for (const file of files) {
    t.equal(file.statusCode, 200)
    t.equal(file.headers['cache-control'], 'public, max-age=31536000, immutable')
  }
  t.notMatch(page.body, /<script>|style=/, 'nothing inline')
})

t.test('the page has a title and a logo of its own, which the policy allows', async (t) => {
  const { app } = await createApp(t, { config: { DOCS: 'on' } })

  const page = await app.inject('/docs')
  const [, logo = ''] = /<img src="([^"]+)"/.exec(page.body) ?? []
  const image = await app.inject(`/${logo}`)

  t.match(page.body, '<title>Partner Attribution API</title>')
  t.match(page.body, `<link rel="icon" type="image/svg+xml" href="${logo}">`)
  t.match(page.body, '<strong>Partner Attribution API</strong>')
  t.equal(image.headers['content-type'], 'image/svg+xml')
  t.match(image.body, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/)
  t.match(page.headers['content-security-policy'], /img-src 'self'/)
})

t.test('the pages work behind a path prefix that a proxy strips', async (t) => {
  const { app } = await createApp(t, { config: { DOCS: 'on' } })
  const proxy = await createProxy(t, await app.listen({ host: '127.0.0.1', port: 0 }))

  const page = await fetch(`${proxy}/docs/`)
  const links = linksOf(await page.text())
  const files = await Promise.all(links.map((link) => fetch(new URL(link, page.url))))
  const document = await fetch(new URL('docs/json', page.url))
  const { servers } = (await document.json()) as { servers: { url: string }[] }
  const server = new URL(servers[0]?.url ?? '', document.url)
  const health = await fetch(new URL('health', server))

  t.equal(page.url, `${proxy}/docs`)
  t.equal(links.length, 10)
  t.strictSame(
    [...files, document, health].filter(({ ok }) => !ok),
    [],
  )
  t.strictSame(
    links.filter((link) => /^(?:\/|\w+:)/.test(link)),
    [],
    'no link is absolute',
  )
  t.equal(server.href, `${proxy}/`)
})

t.test('each encoding of /docs/json has the same content and its own ETag', async (t) => {
  const { app } = await createApp(t, { config: { DOCS: 'on' } })
  const plain = await app.inject('/docs/json')

  for (const [encoding, decompress] of Object.entries(decode)) {
    const answer = await app.inject({ url: '/docs/json', headers: { 'accept-encoding': encoding } })

    t.equal(answer.headers['content-encoding'], encoding)
    t.equal(answer.headers.vary, 'accept-encoding')
    t.not(answer.headers.etag, plain.headers.etag)
    t.equal(decompress(answer.rawPayload).toString(), plain.body)
    t.ok(answer.rawPayload.length < plain.rawPayload.length / 4)
  }
})

t.test('the documents are written before the first request', async (t) => {
  const { app } = await createApp(t, { config: { DOCS: 'on' } })
  await app.ready()
  app.swagger = () => {
    throw new Error('a request wrote the document')
  }

  for (const path of ['/docs/json', '/docs/yaml']) t.equal((await app.inject(path)).statusCode, 200, path)
})

t.test('a request with a current ETag gets a 304, and any other gets the content', async (t) => {
  const { app } = await createApp(t, { config: { DOCS: 'on' } })

  for (const path of ['/docs', '/docs/errors', '/docs/json', '/docs/yaml']) {
    const { etag = '' } = (await app.inject(path)).headers
    const again = async (tags: string) => app.inject({ url: path, headers: { 'if-none-match': tags } })

    for (const tags of [etag, `"other", W/${etag}`, '*']) {
      const { statusCode, body } = await again(tags)
      t.strictSame({ statusCode, body }, { statusCode: 304, body: '' }, `${path} ${tags}`)
    }
    t.equal((await again('"other"')).statusCode, 200, path)
  }
})

t.test('GET /docs/ redirects to /docs, also behind the path prefix of a proxy', async (t) => {
  const { app } = await createApp(t, { config: { DOCS: 'on' } })

  const { statusCode, headers } = await app.inject('/docs/')

  t.equal(statusCode, 308)
  t.equal(
    new URL(headers.location ?? '', 'https://host.example/prefix/docs/').href,
    'https://host.example/prefix/docs',
  )
})

function linksOf(page: string): string[] {
  return [...page.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, link = '']) => link)
}
