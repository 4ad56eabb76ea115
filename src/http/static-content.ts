import type { FastifyReply, FastifyRequest } from 'fastify'
import { hash } from 'node:crypto'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { negotiate } from '@fastify/accept-negotiator'

const encodings = ['br', 'gzip'] as const
type Encoding = (typeof encodings)[number]

// Quality 11, the best, saves 9 % more but takes 4.4 s instead of 0.24 s for the bundle of Swagger UI.
const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }
const compress: Readonly<Record<Encoding, (content: Buffer) => Promise<Buffer>>> = {
  br: (content) => promisify(brotliCompress)(content, brotli),
  gzip: (content) => promisify(gzip)(content, { level: 9 }),
}

/** Sends the content. Answers 304 if the client has it in its cache. */
export type SendContent = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>

export interface Content {
  readonly text: string | Buffer
  readonly type: string
  /** Whether the path contains a digest of the content, so that a browser may cache it for ever. */
  readonly isVersioned?: boolean
}

/** Prepares content that never changes, compressed in every encoding. */
export async function prepareContent({ text, type, isVersioned = false }: Content): Promise<SendContent> {
  const content = Buffer.from(text)
  const tag = digestOf(content)
  const [br, gzipped] = await Promise.all([compress.br(content), compress.gzip(content)])
  const encoded: Readonly<Record<Encoding, Buffer>> = { br, gzip: gzipped }

  return async (request, reply) => {
    const wanted = negotiate(request.headers['accept-encoding'] ?? '', [...encodings])
    const encoding = encodings.find((known) => known === wanted)
    const etag = `"${tag}${encoding === undefined ? '' : `-${encoding}`}"`
    void reply.headers({
      etag,
      vary: 'accept-encoding',
      'cache-control': isVersioned ? 'public, max-age=31536000, immutable' : 'no-cache',
    })
    if (isKnown(request.headers['if-none-match'], etag)) return reply.code(304).send()
    if (encoding === undefined) return reply.type(type).send(content)
    return reply.type(type).header('content-encoding', encoding).send(encoded[encoding])
  }
}

/** A digest of 96 bits: short enough for a path, long enough to be unique. */
export function digestOf(content: Buffer): string {
  return hash('sha256', content, 'base64url').slice(0, 16)
}

function isKnown(header: string | undefined, etag: string): boolean {
  const tags = header?.split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return tags !== undefined && (tags.includes(etag) || tags.includes('*'))
}
