import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import t from 'tap'
import { createApp } from '../support/app.ts'

const decode: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  br: brotliDecompressSync,
  gzip: gunzipSync,
}

t.test('the page names its files by their content, and browsers keep those for good', async (t) => {
  const { app } = await createApp(t)

  const page = await app.inject('/docs')
  const paths = [...page.body.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, path]) => `/${path}`)
  const files = await Promise.all(paths.map((path) => app.inject(path)))

  t.equal(page.headers['cache-control'], 'no-cache')
  t.equal(files.length, 4)
  for (const file of files) {
    t.equal(file.statusCode, 200)
    t.equal(file.headers['cache-control'], 'public, max-age=31536000, immutable')
  }
  t.notMatch(page.body, /<script>|style=/, 'nothing inline')
})

t.test('each encoding holds the same content, and has a tag of its own', async (t) => {
  const { app } = await createApp(t)
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

t.test('a client that has the content gets a 304, and another tag the content', async (t) => {
  const { app } = await createApp(t)

  for (const path of ['/docs', '/docs/json', '/docs/yaml']) {
    const { etag = '' } = (await app.inject(path)).headers
    const again = async (tags: string) => app.inject({ url: path, headers: { 'if-none-match': tags } })

    for (const tags of [etag, `"other", W/${etag}`, '*']) {
      const { statusCode, body } = await again(tags)
      t.strictSame({ statusCode, body }, { statusCode: 304, body: '' }, `${path} ${tags}`)
    }
    t.equal((await again('"other"')).statusCode, 200, path)
  }
})

t.test('the page is found with a slash behind it, also behind a prefix of a proxy', async (t) => {
  const { app } = await createApp(t)

  const { statusCode, headers } = await app.inject('/docs/')

  t.equal(statusCode, 308)
  t.equal(
    new URL(headers.location ?? '', 'https://host.example/prefix/docs/').href,
    'https://host.example/prefix/docs',
  )
})
