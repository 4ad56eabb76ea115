import type { FastifyInstance } from 'fastify'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { digestOf, prepareContent, type SendContent } from '../http/static-content.ts'

// The package is here for Swagger UI's files alone: the original one reports every install to a third party.
const folder = join(dirname(createRequire(import.meta.url).resolve('@fastify/swagger-ui')), 'static')
const hidden = { schema: { hide: true } }

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

// A circle in three shares.
const logo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<circle cx="16" cy="16" r="15" fill="#0f766e"/>
<path d="M16 16V1a15 15 0 0 1 12.99 22.5z" fill="#f59e0b"/>
<path d="M16 16l12.99 7.5A15 15 0 0 1 16 31z" fill="#5eead4"/>
</svg>
`
const title = 'Partner Attribution API'
const pageStyle = `body { margin: 0 }
header { display: flex; align-items: center; gap: 12px; padding: 12px 20px; background: #134e4a; color: #fff }
header img { width: 32px; height: 32px }
header strong { font: 600 20px sans-serif }
`

/** Swagger UI at /docs, with the document at /docs/json and /docs/yaml; open to anyone. */
export async function serveDocumentation(app: FastifyInstance): Promise<void> {
  const style = await addFile(app, 'swagger-ui.css', css)
  const ownStyle = addStatic(app, 'page.css', css, Buffer.from(pageStyle))
  const icon = addStatic(app, 'logo.svg', 'image/svg+xml', Buffer.from(logo))
  const bundle = await addFile(app, 'swagger-ui-bundle.js', script)
  const starter = addStatic(app, 'start.js', script, Buffer.from(start))
  // Addresses are relative, so that the page works behind a path prefix.
  const page = prepareContent({
    type: 'text/html; charset=utf-8',
    text: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<link rel="stylesheet" href="${style}">
<link rel="stylesheet" href="${ownStyle}">
<link rel="icon" type="image/svg+xml" href="${icon}">
</head>
<body>
<header><img src="${icon}" alt=""><strong>${title}</strong></header>
<div id="swagger-ui"></div>
<script src="${bundle}"></script>
<script src="${starter}"></script>
</body>
</html>
`,
  })
  app.get('/docs', hidden, page)
  app.get('/docs/', hidden, (_request, reply) => reply.redirect('../docs', 308))
  app.get(
    '/docs/json',
    hidden,
    once(() => ({ type: 'application/json', text: JSON.stringify(app.swagger()) })),
  )
  app.get(
    '/docs/yaml',
    hidden,
    once(() => ({ type: 'application/yaml', text: app.swagger({ yaml: true }) })),
  )
}

const css = 'text/css; charset=utf-8'
const script = 'text/javascript; charset=utf-8'

/** Serves one of Swagger UI's files; returns its address, which changes with its content. */
async function addFile(app: FastifyInstance, name: string, type: string): Promise<string> {
  return addStatic(app, name, type, await readFile(join(folder, name)))
}

function addStatic(app: FastifyInstance, name: string, type: string, text: Buffer): string {
  const path = `docs/static/${digestOf(text)}/${name}`
  app.get(`/${path}`, hidden, prepareContent({ text, type, isVersioned: true }))
  return path
}

/** The document is complete only once all routes are there, so it is written at the first request. */
function once(write: () => Parameters<typeof prepareContent>[0]): SendContent {
  let send: SendContent | undefined
  return (request, reply) => (send ??= prepareContent(write()))(request, reply)
}
