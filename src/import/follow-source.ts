import type { Presence, SourceRange } from '../bulk-import/presence-schemas.ts'
import { Id } from '../values/schemas.ts'
import { type CallApi, reasonOf } from './api-client.ts'

export type SourceKind = SourceRange['kind']

interface Listing extends Pick<SourceRange, 'source' | 'kind' | 'missing'> {
  /** All ids that the files have. */
  readonly ids: ReadonlySet<string>
}

const rangeSize = 1000
const idPattern = new RegExp(Id['pattern'] as string)

export function isId(text: string): boolean {
  return text.length <= 128 && idPattern.test(text)
}

/**
 * Tells the service which deals or events a source holds, range by range. Returns how many it voided and reinstated, and
 * for `count` how many are missing.
 */
export async function followSource(
  call: CallApi,
  { ids, ...listing }: Listing,
): Promise<{ readonly voided: number; readonly reinstated: number; readonly missing: number }> {
  const sorted = [...ids].sort(byCharacters)
  const sums = { voided: 0, reinstated: 0, missing: 0 }
  for (let start = 0; start < sorted.length; start += rangeSize) {
    const own = sorted.slice(start, start + rangeSize)
    const isLast = start + rangeSize >= sorted.length
    const range: SourceRange = {
      ...listing,
      ids: own,
      after: sorted[start - 1] ?? null,
      until: isLast ? null : (own.at(-1) as string),
    }
    for (let isComplete = false; !isComplete;) {
      const { status, body } = await call('POST', '/import/presence', range)
      if (status !== 200) throw new Error(`The service refused the list of ids: ${reasonOf(body)}`)
      const { voided, reinstated, missing_count, is_complete } = body as unknown as Presence
      sums.voided += voided
      sums.reinstated += reinstated
      sums.missing += missing_count ?? 0
      isComplete = is_complete
    }
  }
  return sums
}

function byCharacters(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
