import { type Kind, kinds } from './file-line.ts'
import { formatTable } from './format-table.ts'
import type { ImportMode } from './send-rows.ts'

/** How many rows of a kind were stored, changed what was stored, known before, or refused. */
interface Total {
  readonly stored: number
  readonly changed: number
  readonly known: number
  readonly refused: number
}

const unreadable = 'unreadable'
const none: Total = { stored: 0, changed: 0, known: 0, refused: 0 }

const columnsOf: Readonly<Record<ImportMode | 'dry run', readonly (readonly [keyof Total, string])[]>> = {
  submit: [
    ['stored', 'stored'],
    ['known', 'already there'],
    ['refused', 'refused'],
  ],
  declare: [
    ['stored', 'stored'],
    ['changed', 'changed'],
    ['known', 'unchanged'],
    ['refused', 'refused'],
  ],
  'dry run': [
    ['stored', 'would be sent'],
    ['refused', 'refused'],
  ],
}

/** Counts the rows of an import by kind; a row without a kind is unreadable. */
export function createTotals() {
  const totals = new Map<Kind | typeof unreadable, Total>()
  return {
    add(kind: Kind | undefined, more: Partial<Total>): void {
      const { stored, changed, known, refused } = totals.get(kind ?? unreadable) ?? none
      totals.set(kind ?? unreadable, {
        stored: stored + (more.stored ?? 0),
        changed: changed + (more.changed ?? 0),
        known: known + (more.known ?? 0),
        refused: refused + (more.refused ?? 0),
      })
    },
    of: (kind: Kind): Total => totals.get(kind) ?? none,
    hasRefused: (): boolean => [...totals.values()].some(({ refused }) => refused > 0),
    /** The totals as a table. Undefined if nothing was counted. */
    format(mode: ImportMode | 'dry run'): string | undefined {
      const columns = columnsOf[mode]
      const rows = [...kinds, unreadable].flatMap((kind) => {
        const total = totals.get(kind as Kind)
        return total === undefined ? [] : [[kind, ...columns.map(([name]) => total[name])]]
      })
      if (rows.length === 0) return undefined
      const table = formatTable(['', ...columns.map(([, title]) => title)], rows)
      if (mode !== 'dry run') return table
      return `${table}\nNothing was sent. Only the service can tell which rows it has already.`
    },
  }
}
