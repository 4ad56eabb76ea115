import type { FileLine, Kind } from './file-line.ts'
import type { TextFile } from './inspect-file.ts'
import { isLeftOut, makeRows, type RefusedRow, type Row } from './make-rows.ts'
import { openCsv } from './read-csv.ts'
import { readNdjson } from './read-ndjson.ts'
import { confirmPlan, planRows, type RowPlan } from './row-plan.ts'
import type { Rules } from './rules.ts'

/** The rows of a file, and its columns, which are known when the rows are read. */
export interface FileRows {
  /** A line that the options leave out is undefined. */
  readonly rows: AsyncIterable<Row | RefusedRow | undefined>
  readonly columns: ReadonlySet<string>
  /** The columns that are in no field. */
  readonly dropped: ReadonlySet<string>
}

// The rows of one system have few sets of keys.
const mostPlans = 1000

/**
 * Opens the rows of a file, or only those of a kind. While they are read, it throws if the file cannot be read to its end.
 */
export function openRows(file: TextFile, rules: Rules, kind?: Kind): FileRows {
  const columns = new Set<string>()
  const dropped = new Set<string>()
  const plan = (names: readonly string[]): RowPlan => {
    const made = planRows(names, rules, file.record === 'row')
    for (const name of names) columns.add(name)
    for (const name of names)
      if (made.kinds.every(({ unknown, refusesUnknown }) => !refusesUnknown && unknown.includes(name)))
        dropped.add(name)
    return kind === undefined ? made : { ...made, wanted: kind }
  }
  const read = file.record === 'row' ? readCsvRows : readJsonRows

  async function* rows() {
    try {
      yield* read(file, rules, plan)
    } catch (error) {
      throw new Error(`${file.name} cannot be read:`, { cause: error })
    }
  }
  return { rows: rows(), columns, dropped }
}

type Plan = (columns: readonly string[]) => RowPlan

async function* readCsvRows({ name, delimiter, open }: TextFile, rules: Rules, plan: Plan) {
  const { columns, records } = await openCsv(open(), delimiter)
  const rowPlan = plan(columns)
  confirmPlan(rowPlan, columns)
  for await (const line of records) yield* toRows(name, line, rowPlan, rules)
}

async function* readJsonRows({ name, open }: TextFile, rules: Rules, plan: Plan) {
  const plans = new Map<string, RowPlan>()
  for await (const line of readNdjson(open())) {
    const columns = 'values' in line ? Object.keys(line.values) : []
    const key = JSON.stringify(columns)
    const rowPlan = plans.get(key) ?? plan(columns)
    if (plans.size === mostPlans) plans.clear()
    plans.set(key, rowPlan)
    yield* toRows(name, line, rowPlan, rules)
  }
}

function toRows(
  file: string,
  line: FileLine,
  plan: RowPlan,
  rules: Rules,
): readonly (Row | RefusedRow | undefined)[] {
  if ('values' in line && isLeftOut(line.values, plan)) return [undefined]
  return makeRows(file, line, plan, rules)
}
