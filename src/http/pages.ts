import { crc32 } from 'node:zlib'
import { invalid } from '../errors.ts'

export interface PageQuery {
  readonly limit?: number
  readonly offset?: number
  readonly cursor?: string
}

/** Where a page begins: after a row, at an offset, or at the start. `key` holds the last row's order columns. */
export interface PageStart {
  readonly limit: number
  readonly offset: number | null
  readonly key: readonly string[] | undefined
}

/** Reads limit, offset and cursor; a cursor has `width` columns and is opaque to clients. */
export function startOf({ limit = 100, offset, cursor }: PageQuery, width: number): PageStart {
  if (cursor === undefined) return { limit, offset: offset ?? 0, key: undefined }
  if (offset !== undefined)
    throw invalid({ pointer: 'cursor', detail: 'Send a cursor or an offset, not both.' })
  const key = decode(cursor)
  if (key?.length !== width) throw invalid({ pointer: 'cursor', detail: 'This is no cursor of this list.' })
  return { limit, offset: null, key }
}

/** Cuts a page of `limit` off rows that were read one further than it, and says how to go on. */
export function toPage<Row>(
  rows: readonly Row[],
  { limit, offset }: PageStart,
  keyOf: (row: Row) => readonly string[],
) {
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  const hasMore = rows.length > limit && last !== undefined
  return { page, pagination: { limit, offset, next_cursor: hasMore ? encode(keyOf(last)) : null } }
}

// The checksum tells a cursor of ours from text that only looks like one.
function encode(key: readonly string[]): string {
  const text = JSON.stringify(key)
  return Buffer.from(text + checksumOf(text)).toString('base64url')
}

function decode(cursor: string): readonly string[] | undefined {
  const whole = Buffer.from(cursor, 'base64url').toString()
  const text = whole.slice(0, -checksumLength)
  return whole.slice(-checksumLength) === checksumOf(text) ? (JSON.parse(text) as string[]) : undefined
}

const checksumLength = 8

function checksumOf(text: string): string {
  return crc32(text).toString(16).padStart(checksumLength, '0')
}
