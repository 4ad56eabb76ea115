import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { MalformedRequest, UnsupportedMediaType } from '../errors.ts'
import { parseJson } from './json.ts'
import { createLineSplitter } from '../values/lines.ts'
import { type Clock, systemClock } from '../values/clock.ts'
import { withUploadTimeout } from './upload-timeout.ts'

/** A line of a body, numbered from 1, with its value or its error. */
export interface BodyLine {
  readonly line: number
  readonly value?: unknown
  readonly error?: Error
}

const mediaType = 'application/x-ndjson'
const mostLines = 500
const mostBytes = 262_144
const longestWaitMs = 1000
const longestLine = 131_072
const uploads = new WeakMap<Socket, IncomingMessage>()

/** Accepts only uncompressed newline-delimited JSON in this scope of the app, as a stream. Errors: 415. */
export function acceptOnlyNdjson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(mediaType, async (request: FastifyRequest, body: Readable) => {
    const encoding = request.headers['content-encoding']
    if (encoding !== undefined && encoding !== 'identity') throw new UnsupportedMediaType()
    return body
  })
}

/** Whether the socket receives a body that may take longer than `requestTimeout`. */
export function isUploading(socket: Socket): boolean {
  return uploads.get(socket)?.complete === false
}

/** The lines of a body in batches. The body is read no faster than the batches are consumed. Errors: 408, 415. */
export function readBody({ raw, body }: FastifyRequest, clock: Clock): AsyncGenerator<readonly BodyLine[]> {
  if (!(body instanceof Readable)) throw new UnsupportedMediaType()
  uploads.set(raw.socket, raw)
  // Destroying the body would destroy the socket, on which the answer is still to be sent.
  return readLines(withUploadTimeout(body.iterator({ destroyOnReturn: false }), clock), clock)
}

/**
 * The lines of a stream in batches, each of at most 500 lines, about 256 kB, or the lines of one second. Blank lines are
 * numbered but left out, so a batch may be empty.
 */
async function* readLines(
  source: AsyncIterable<Buffer>,
  clock: Clock = systemClock,
): AsyncGenerator<readonly BodyLine[]> {
  const { split, rest } = createLineSplitter(longestLine)
  let lines: BodyLine[] = []
  let bytes = 0
  let since = clock.now()
  let number = 0
  const add = (text: Buffer) => {
    number += 1
    if (!isBlank(text)) lines.push({ line: number, ...parseLine(text) })
  }
  const takeBatch = () => {
    const batch = lines
    lines = []
    bytes = 0
    since = clock.now()
    return batch
  }

  for await (const chunk of source) {
    bytes += chunk.length
    for (const text of split(chunk)) {
      add(text)
      if (lines.length === mostLines) yield takeBatch()
    }
    if (bytes >= mostBytes || clock.now() - since >= longestWaitMs) yield takeBatch()
  }
  if (rest().length > 0) add(rest())
  if (lines.length > 0) yield lines
}

function parseLine(text: Buffer): Pick<BodyLine, 'value' | 'error'> {
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
