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
    throw invalid([{ pointer: 'cursor', detail: 'Send a cursor or an offset, not both.' }])
  const key = decode(cursor)
  if (key?.length !== width) throw invalid([{ pointer: 'cursor', detail: 'This is no cursor of this list.' }])
  return { limit, offset: null, key }
}

/**
 * Cuts a page of `limit` off rows that were read one further than it, and says how to go on. The `total` is the caller's,
 * or what the end of the rows tells.
 */
export function toPage<Row>(
  rows: readonly Row[],
  { limit, offset }: PageStart,
  keyOf: (row: Row) => readonly string[],
  total?: number,
) {
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  const hasMore = rows.length > limit && last !== undefined
  const isCounted = offset !== null && !hasMore && (offset === 0 || last !== undefined)
  const counted = total ?? (isCounted ? offset + page.length : undefined)
  return {
    page,
    pagination: {
      limit,
      offset,
      ...(counted !== undefined && { total: counted }),
      next_cursor: hasMore ? encode(keyOf(last)) : null,
    },
  }
}

// The checksum tells a cursor of ours from text that only looks like one.
function encode(key: readonly string[]): string {
  const text = key.join(separator)
  return Buffer.from(text + checksumOf(text)).toString('base64url')
}

function decode(cursor: string): readonly string[] | undefined {
  const whole = Buffer.from(cursor, 'base64url').toString()
  const text = whole.slice(0, -checksumLength)
  return whole.slice(-checksumLength) === checksumOf(text) ? text.split(separator) : undefined
}

// PostgreSQL stores no text with it.
const separator = '\0'
const checksumLength = 8

function checksumOf(text: string): string {
  return crc32(text).toString(16).padStart(checksumLength, '0')
}
