import type { FastifyInstance } from 'fastify'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type Content, digestOf, prepareContent, type SendContent } from '../http/static-content.ts'
import { renderErrors } from './errors-page.ts'
import { logo, pageStyle, renderPage, serviceName } from './page-layout.ts'

// The package is here for Swagger UI's files alone: the original one reports every install to a third party.
const folder = join(dirname(createRequire(import.meta.url).resolve('@fastify/swagger-ui')), 'static')
const hidden = { schema: { hide: true } }
const css = 'text/css; charset=utf-8'
const html = 'text/html; charset=utf-8'
const script = 'text/javascript; charset=utf-8'

// Swagger UI shows a text as JSON, in quotes, if its content type contains "json": lines must be shown as they are sent.
const start = `const showLines = {
  afterLoad({ fn: { getJsonSampleSchema: showJson } }) {
    this.fn.getJsonSampleSchema = (schema, config, type, example) =>
      type === 'application/x-ndjson' ? example : showJson(schema, config, type, example)
  },
}
window.addEventListener('load', () => {
  SwaggerUIBundle({
    url: new URL('docs/json', location.href).href,
    dom_id: '#swagger-ui',
    deepLinking: true,
    presets: [SwaggerUIBundle.presets.apis],
    plugins: [showLines],
  })
})
`

/**
 * Serves Swagger UI at /docs, the document at /docs/json and /docs/yaml, and the errors at /docs/errors. They need no API key.
 * All content is compressed before the app is ready.
 */
export async function serveDocumentation(app: FastifyInstance): Promise<void> {
  const files = await serveFiles(app)
  const swaggerPage = renderPage({
    title: serviceName,
    folder: 'docs/',
    icon: files.icon,
    styles: [files.swaggerStyle, files.style],
    body: `<div id="swagger-ui"></div>
<script src="docs/${files.bundle}"></script>
<script src="docs/${files.start}"></script>`,
  })
  const errorsPage = renderPage({
    title: `Errors – ${serviceName}`,
    folder: './',
    icon: files.icon,
    styles: [files.style],
    body: renderErrors(),
  })
  app.get('/docs', hidden, await prepareContent({ type: html, text: swaggerPage }))
  app.get('/docs/', hidden, (_request, reply) => reply.redirect('../docs', 308))
  app.get('/docs/errors', hidden, await prepareContent({ type: html, text: errorsPage }))
  serveOnceComplete(app, '/docs/json', () => ({
    type: 'application/json',
    text: JSON.stringify(app.swagger()),
  }))
  serveOnceComplete(app, '/docs/yaml', () => ({
    type: 'application/yaml',
    text: app.swagger({ yaml: true }),
  }))
}

/** Serves the files of the pages. Returns their addresses relative to /docs/, which change with their content. */
async function serveFiles(app: FastifyInstance) {
  const serve = async (name: string, type: string, text: string | Buffer) => {
    const path = `static/${digestOf(Buffer.from(text))}/${name}`
    app.get(`/docs/${path}`, hidden, await prepareContent({ text, type, isVersioned: true }))
    return path
  }
  const serveSwagger = async (name: string, type: string) =>
    serve(name, type, await readFile(join(folder, name)))
  const [swaggerStyle, bundle] = await Promise.all([
    serveSwagger('swagger-ui.css', css),
    serveSwagger('swagger-ui-bundle.js', script),
  ])
  return {
    swaggerStyle,
    bundle,
    style: await serve('page.css', css, pageStyle),
    icon: await serve('logo.svg', 'image/svg+xml', logo),
    start: await serve('start.js', script, start),
  }
}

/** Serves a text that can be written only when the app has all its routes. */
function serveOnceComplete(app: FastifyInstance, path: string, write: () => Content): void {
  const { promise, resolve } = Promise.withResolvers<SendContent>()
  app.addHook('onReady', async () => resolve(await prepareContent(write())))
  app.get(path, hidden, async (request, reply) => (await promise)(request, reply))
}
