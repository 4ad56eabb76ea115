import type { CallApi } from './api-client.ts'
import type { Kind } from './file-line.ts'
import { followSource, isId, type SourceKind } from './follow-source.ts'
import type { RefusedRow, Row } from './make-rows.ts'
import { confirmVoids, type VoidLimit } from './void-limit.ts'

interface SourceSync {
  /** Notes the id of a row, refused or not. Throws if it has none: nothing could be said to be missing then. */
  readonly list: (row: Row | RefusedRow) => void
  /** Throws if the rows lack too much of what the source had. */
  readonly confirmMissing: (call: CallApi) => Promise<void>
  /** Reinstates the deals and events that are back in the source; `void` also voids those that are missing. */
  readonly follow: (call: CallApi, missing: 'keep' | 'void') => Promise<void>
}

const sourceKinds = ['event', 'deal'] as const

/** Voids and reinstates what a source lacks and has again, by the ids of the rows that are listed; prints how many. */
export function createSourceSync(
  source: string,
  limit: VoidLimit,
  print: (sentence: string) => void,
): SourceSync {
  const ids: Readonly<Record<SourceKind, Set<string>>> = { deal: new Set(), event: new Set() }
  return {
    list({ kind, id, file, line }) {
      if (kind === 'partner' || kind === 'refund') return
      if (kind === undefined || id === undefined)
        throw new Error(
          `--void-missing needs the id of every row, and ${file}:${line} has none: nothing was sent.`,
        )
      // An id that the service does not take cannot be missing from it.
      if (isId(id)) ids[kind].add(id)
    },
    async confirmMissing(call) {
      for (const kind of sourceKinds) {
        const { missing } = await followSource(call, { source, kind, missing: 'count', ids: ids[kind] })
        confirmVoids(limit, { source, kind, held: ids[kind].size, missing })
      }
    },
    async follow(call, missing) {
      for (const kind of sourceKinds) {
        const { voided, reinstated } = await followSource(call, { source, kind, missing, ids: ids[kind] })
        if (voided > 0) print(`Voided ${describeCount(voided, kind)} missing from ${source}.`)
        if (reinstated > 0) print(`Reinstated ${describeCount(reinstated, kind)} back in ${source}.`)
      }
    },
  }
}

function describeCount(count: number, kind: Kind): string {
  return count === 1 ? `1 ${kind} that is` : `${count} ${kind}s that are`
}
