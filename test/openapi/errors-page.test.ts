import { brotliDecompressSync } from 'node:zlib'
import { readFile } from 'node:fs/promises'
import { STATUS_CODES } from 'node:http'
import t from 'tap'
import { catalogue } from '../../src/errors.ts'
import { errorCodes } from '../../src/values/problem.ts'
import { createApp } from '../support/app.ts'
import { createProxy } from '../support/proxy.ts'

t.test('the type of a problem leads to the entry of its code, without an API key', async (t) => {
  const { app, call } = await createApp(t, { config: { DOCS: 'on' } })

  const problem = (await call('GET', '/deals/nothing')).json<{ type: string }>()
  const { pathname, hash } = new URL(problem.type, 'https://host.example/deals/nothing')
  const page = await app.inject(pathname)

  t.equal(problem.type, '/docs/errors#deal_not_found')
  t.equal(page.statusCode, 200)
  t.equal(page.headers['content-type'], 'text/html; charset=utf-8')
  t.match(page.body, `id="${hash.slice(1)}"`)
})

t.test('GET /docs/errors and docs/errors.md have every code, its status and its texts', async (t) => {
  const { app } = await createApp(t, { config: { DOCS: 'on' } })

  const { body } = await app.inject('/docs/errors')
  const guide = await readFile('docs/errors.md', 'utf8')

  t.strictSame(
    [...body.matchAll(/<section id="(\w+)">/g)].map(([, code]) => code),
    errorCodes,
  )
  for (const { code, status, when, remedy } of catalogue) {
    const title = `${status} ${STATUS_CODES[status]}`
    for (const text of [when, remedy]) t.match(text, /^[A-Z][^\n<>&]+\.$/, code)
    for (const text of [title, toHtml(when), toHtml(remedy)]) t.ok(body.includes(text), `${code}: ${text}`)
    const section = guide.split('\n## ').find((part) => part.startsWith(`${code}\n`)) ?? ''
    for (const text of [title, when, remedy]) t.ok(section.includes(text), `docs/errors.md, ${code}: ${text}`)
  }
})

t.test('every operation that an entry names is in the document', async (t) => {
  const { app } = await createApp(t, { config: { DOCS: 'on' } })
  const { paths } = (await app.inject('/docs/json')).json<{ paths: Record<string, object> }>()

  const texts = catalogue.map(({ remedy, when }) => `${when} ${remedy}`).join(' ')
  const named = [...texts.matchAll(/`(GET|POST|PUT|PATCH|DELETE) ([^?`]+)/g)]

  t.ok(named.length > 9)
  for (const [, method = '', path = ''] of named)
    t.ok(method.toLowerCase() in (paths[path] ?? {}), `${method} ${path}`)
})

t.test('the page is compressed, has an ETag and works behind a path prefix', async (t) => {
  const { app } = await createApp(t, { config: { DOCS: 'on' } })
  const proxy = await createProxy(t, await app.listen({ host: '127.0.0.1', port: 0 }))

  const plain = await app.inject('/docs/errors')
  const packed = await app.inject({ url: '/docs/errors', headers: { 'accept-encoding': 'br' } })
  const again = await app.inject({
    url: '/docs/errors',
    headers: { 'if-none-match': plain.headers.etag ?? '' },
  })
  const links = [...plain.body.matchAll(/(?:href|src)="([^"#]+)"/g)].map(([, link = '']) => link)
  const linked = await Promise.all(links.map((link) => fetch(new URL(link, `${proxy}/docs/errors`))))

  t.equal(brotliDecompressSync(packed.rawPayload).toString(), plain.body)
  t.not(packed.headers.etag, plain.headers.etag)
  t.strictSame([again.statusCode, again.body], [304, ''])
  t.strictSame(
    linked.filter(({ ok }) => !ok).map(({ url }) => url),
    [],
  )
  t.ok(linked.length > 5)
  t.notMatch(plain.body, /<script|style=/, 'nothing inline')
})

function toHtml(text: string): string {
  return text.replace(/`([^`]+)`/g, '<code>$1</code>')
}
