import { crc32 } from 'node:zlib'
import { invalid } from '../errors.ts'

export interface PageQuery {
  readonly limit?: number
  readonly offset?: number
  readonly cursor?: string
}

/** The start of a page: an offset, or a `key`, which holds the order columns of the last row of the previous page. */
export interface PageStart {
  readonly limit: number
  readonly offset: number | null
  readonly key: readonly string[] | undefined
}

/**
 * Reads limit, offset and cursor. A cursor holds `width` order columns and is opaque to clients. Errors: 400 if the cursor
 * is not one of this list, or is sent together with an offset.
 */
export function readPageStart({ limit = 100, offset, cursor }: PageQuery, width: number): PageStart {
  if (cursor === undefined) return { limit, offset: offset ?? 0, key: undefined }
  if (offset !== undefined)
    throw invalid([{ pointer: 'cursor', detail: 'Send a cursor or an offset, not both.' }])
  const key = decode(cursor)
  if (key?.length !== width)
    throw invalid([{ pointer: 'cursor', detail: 'This is not a cursor of this list.' }])
  return { limit, offset: null, key }
}

/**
 * Makes a page of at most `limit` rows, with the cursor of the next page. The caller reads `limit + 1` rows, so that the
 * page knows whether there are more. Without `total`, the total is given on the last page by offset.
 */
export function toPage<Row>(
  rows: readonly Row[],
  { limit, offset, total }: PageStart & { readonly total?: number | undefined },
  keyOf: (row: Row) => readonly string[],
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

// The checksum lets us refuse text that is not a cursor of this service.
function encode(key: readonly string[]): string {
  const text = key.join(separator)
  return Buffer.from(text + checksumOf(text)).toString('base64url')
}

function decode(cursor: string): readonly string[] | undefined {
  const whole = Buffer.from(cursor, 'base64url').toString()
  const text = whole.slice(0, -checksumLength)
  return whole.slice(-checksumLength) === checksumOf(text) ? text.split(separator) : undefined
}

// No column contains it: PostgreSQL cannot store it in text.
const separator = '\0'
const checksumLength = 8

function checksumOf(text: string): string {
  return crc32(text).toString(16).padStart(checksumLength, '0')
}
