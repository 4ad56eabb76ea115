import type { FastifyInstance, FastifyRequest } from 'fastify'
import { MalformedRequest, UnsupportedMediaType } from '../errors.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })
const maxDepth = 24
const maxSignificantDigits = 17

/** Parses a JSON body and refuses what would be stored changed, or not at all. */
export function parseJson(body: Buffer): unknown {
  const text = decode(body)
  try {
    const value = holdsLongNumber(text) ? JSON.parse(text, refuseUnsafeNumber) : JSON.parse(text)
    refuseUnstorable(value, 0)
    return value
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new MalformedRequest('The body is not valid JSON.', { cause: error })
    throw error
  }
}

function decode(body: Buffer): string {
  try {
    return utf8.decode(body)
  } catch (error) {
    throw new MalformedRequest('The body is not valid UTF-8.', { cause: error })
  }
}

// A cheap look before the exact one: most bodies hold no number that a double could change.
function holdsLongNumber(text: string): boolean {
  return /\d[\d.]{15}|\d[eE][+-]?\d/.test(text)
}

function refuseUnsafeNumber(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || context?.source === undefined) return value
  const digits = context.source
    .replace(/[eE].*$/, '')
    .replace(/[-.]/g, '')
    .replace(/^0+/, '')
  const isRounded = value === 0 ? /[1-9]/.test(digits) : digits.length > maxSignificantDigits
  if (isRounded || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
    throw new MalformedRequest('The body holds a number with more digits than can be kept.')
  }
  return value
}

function refuseUnstorable(value: unknown, depth: number): void {
  if (typeof value === 'string') return refuseText(value)
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new MalformedRequest('The body holds a number out of range.')
  }
  if (typeof value !== 'object' || value === null) return
  if (depth === maxDepth) throw new MalformedRequest(`The body is nested more than ${maxDepth} levels deep.`)
  if (Array.isArray(value)) {
    for (const item of value) refuseUnstorable(item, depth + 1)
    return
  }
  for (const [key, item] of Object.entries(value)) {
    if (key === '__proto__' || (key === 'constructor' && holdsPrototype(item))) {
      throw new MalformedRequest(`The body has a member named ${key}.`)
    }
    refuseText(key)
    refuseUnstorable(item, depth + 1)
  }
}

function holdsPrototype(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype')
}

function refuseText(text: string): void {
  if (text.includes('\0')) throw new MalformedRequest('The body holds a NUL character.')
  if (!text.isWellFormed()) throw new MalformedRequest('The body holds half a surrogate pair.')
}

/** Reads bodies of application/json, uncompressed, and refuses every other kind; an empty body is no body. */
export function acceptOnlyJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (request: FastifyRequest, body: Buffer) => {
      const { 'content-encoding': encoding = 'identity', 'content-type': type = '' } = request.headers
      const isReadable = encoding === 'identity' && !/;\s*charset=(?!"?utf-8"?\s*(?:;|$))/i.test(type)
      if (!isReadable) throw new UnsupportedMediaType()
      return body.length === 0 ? undefined : parseJson(body)
    },
  )
}

/** For a route whose body may be left out: no body says what an empty object says. */
export async function allowNoBody(request: FastifyRequest): Promise<void> {
  if (request.body === undefined) request.body = {}
}
