import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { MalformedRequest, RequestTimeout, UnsupportedMediaType } from '../errors.ts'
import { parseJson } from './json.ts'

/** A line of a body, numbered from 1: what it holds, or why that cannot be said. */
export interface Line {
  readonly line: number
  readonly value?: unknown
  readonly error?: Error
}

const mediaType = 'application/x-ndjson'
const newline = 0x0a
const mostLines = 500
const mostBytes = 1_048_576
const longestLine = 131_072
const stalledMs = 30_000
const uploading = new WeakSet<Socket>()

/** Lets the routes of this scope of the app take newline-delimited JSON, as a stream, and nothing else. */
export function acceptOnlyNdjson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(mediaType, async (request: FastifyRequest, body: Readable) => {
    const encoding = request.headers['content-encoding']
    if (encoding !== undefined && encoding !== 'identity') throw new UnsupportedMediaType()
    return body
  })
}

/** Whether a socket brings a body that may take longer than a request may. */
export function isUploading(socket: Socket): boolean {
  return uploading.has(socket)
}

/** The lines of a request's body, some at a time; it is read no faster than they are taken. */
export async function* readBody({ raw: { socket }, body }: FastifyRequest): AsyncGenerator<readonly Line[]> {
  if (!(body instanceof Readable)) throw new UnsupportedMediaType()
  uploading.add(socket)
  try {
    // Whoever stops reading here has yet to answer, and a body that is destroyed takes its socket with it.
    yield* readLines(refuseStalls(body.iterator({ destroyOnReturn: false })))
  } finally {
    uploading.delete(socket)
  }
}

/** The time for a whole request is not for these; instead, their bytes must keep coming while we wait for them. */
async function* refuseStalls(chunks: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  for (;;) {
    const arrived = new AbortController()
    const stalled = setTimeout(stalledMs, undefined, { signal: arrived.signal }).then(() => {
      throw new RequestTimeout()
    })
    const next = await Promise.race([chunks.next(), stalled]).finally(() => arrived.abort())
    if (next.done === true) return
    yield next.value
  }
}

/** The lines of a stream, 500 or a megabyte at a time; blank ones count and are left out. */
export async function* readLines(source: AsyncIterable<Buffer>): AsyncGenerator<readonly Line[]> {
  let lines: Line[] = []
  let bytes = 0
  let number = 0
  for await (const text of splitLines(source)) {
    number += 1
    bytes += text.length
    if (!isBlank(text)) lines.push({ line: number, ...parseLine(text) })
    if (lines.length === mostLines || bytes >= mostBytes) {
      yield lines
      lines = []
      bytes = 0
    }
  }
  if (lines.length > 0) yield lines
}

async function* splitLines(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let begun = Buffer.alloc(0)
  for await (const chunk of source) {
    let start = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      const rest = chunk.subarray(start, end)
      yield begun.length === 0 ? rest : Buffer.concat([begun, rest])
      begun = Buffer.alloc(0)
      start = end + 1
    }
    // One byte too many is enough to know; the others of such a line are dropped as they come.
    const room = Math.max(0, longestLine + 1 - begun.length)
    begun = Buffer.concat([begun, chunk.subarray(start, start + room)])
  }
  if (begun.length > 0) yield begun
}

function parseLine(text: Buffer): Pick<Line, 'value' | 'error'> {
  if (text.length > longestLine) return { error: new MalformedRequest('The line is longer than 128 kB.') }
  try {
    return { value: parseJson(text) }
  } catch (error) {
    return { error: error as Error }
  }
}

function isBlank(text: Buffer): boolean {
  return text.length < 3 && text.toString().trim() === ''
}
