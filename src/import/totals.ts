import { type Kind, kinds } from './file-line.ts'
import { formatTable } from './format-table.ts'

/** How many rows of a kind were stored, known before, or refused. */
interface Total {
  readonly stored: number
  readonly known: number
  readonly refused: number
}

const unreadable = 'unreadable'
const none: Total = { stored: 0, known: 0, refused: 0 }

/** Counts the rows of an import by kind; a row without a kind is unreadable. */
export function createTotals() {
  const totals = new Map<Kind | typeof unreadable, Total>()
  return {
    add(kind: Kind | undefined, more: Partial<Total>): void {
      const { stored, known, refused } = totals.get(kind ?? unreadable) ?? none
      totals.set(kind ?? unreadable, {
        stored: stored + (more.stored ?? 0),
        known: known + (more.known ?? 0),
        refused: refused + (more.refused ?? 0),
      })
    },
    of: (kind: Kind): Total => totals.get(kind) ?? none,
    hasRefused: (): boolean => [...totals.values()].some(({ refused }) => refused > 0),
    /** The totals as a table. Undefined if nothing was counted. */
    format(isDryRun: boolean): string | undefined {
      const rows = [...kinds, unreadable].flatMap((kind) => {
        const total = totals.get(kind as Kind)
        if (total === undefined) return []
        return [[kind, total.stored, ...(isDryRun ? [] : [total.known]), total.refused]]
      })
      if (rows.length === 0) return undefined
      if (!isDryRun) return formatTable(['', 'stored', 'already there', 'refused'], rows)
      const note = 'Nothing was sent. Only the service can tell which rows it has already.'
      return `${formatTable(['', 'would be sent', 'refused'], rows)}\n${note}`
    },
  }
}
