import { describeFields, type FieldSchema, findField, requiredFields, withArticle } from './fields.ts'
import { type Kind, kinds } from './file-line.ts'
import { type Rules, templateColumn } from './rules.ts'

/** How a field is filled: by the first of the columns that has a value, else by the text of `--set`. */
export interface Fill {
  /** The path with points. */
  readonly name: string
  readonly path: readonly string[]
  readonly schema: FieldSchema
  readonly columns: readonly string[]
  readonly template?: string
}

/** How the columns of a file fill the fields of one kind. */
export interface KindPlan {
  readonly kind: Kind
  readonly fills: readonly Fill[]
  /** Columns that go nowhere. */
  readonly unknown: readonly string[]
  /** Whether a value in such a column refuses the row. */
  readonly refusesUnknown: boolean
}

/** How the rows with these columns are read. */
export interface RowPlan {
  /** Whether each row holds one of each kind. Else it is of the kind that it names, or of the only one. */
  readonly isWide: boolean
  readonly kinds: readonly KindPlan[]
  /** Only rows with one of these texts in the column are taken. */
  readonly only: readonly (readonly [column: string, texts: ReadonlySet<string>])[]
  /** The kind of rows that name none. */
  readonly standard: Kind | undefined
  /** The only kind of rows to make. Undefined: all. */
  readonly wanted?: Kind
}

// Each of these fields exists in one kind only, but refunds have an amount too.
const kindOfField: Readonly<Record<string, Kind>> = {
  email: 'partner',
  touchpoint_type: 'event',
  refunded_on: 'refund',
  amount: 'deal',
}

/** Plans how rows with these columns become bodies. Throws if a rule does not fit the columns. */
export function planRows(columns: readonly string[], rules: Rules, isCsv: boolean): RowPlan {
  const isWide = rules.kinds.length > 1
  const namesKind = !isWide && columns.includes('kind')
  const among = namesKind
    ? kinds
    : rules.kinds.length > 0
      ? rules.kinds
      : isCsv
        ? guessKind(columns, rules)
        : kinds
  if (rules.unknown === 'metadata' && !among.some((kind) => findField(kind, ['metadata']) !== undefined))
    throw new Error(`${among.map(withArticle).join(' or ')} has no field metadata for the other columns.`)
  const refusesUnknown = (rules.unknown ?? (isCsv ? 'drop' : 'refuse')) === 'refuse'
  const plans = among.map((kind) => ({
    ...planKind(kind, columns, rules, { isWide, among }),
    refusesUnknown,
  }))
  return {
    isWide,
    kinds: plans,
    only: [...rules.only].filter(([column]) => columns.includes(column)),
    standard: namesKind ? undefined : among.length === 1 || rules.kinds.length > 0 ? among[0] : undefined,
  }
}

/** Throws if no column and no option fills a field that each row needs. */
export function confirmPlan({ isWide, kinds: plans }: RowPlan, columns: readonly string[]): void {
  if (plans.length === kinds.length && !isWide) return
  for (const { kind, fills } of plans) {
    const missing = requiredFields(kind).find((field) => fills.every(({ path }) => path[0] !== field))
    if (missing === undefined) continue
    const name = isWide ? `${kind}.${missing}` : missing
    const id =
      missing === 'id' ? ` An id that is made of columns: --set '${name}={Column A}-{Column B}'.` : ''
    throw new Error(
      `no column has the ${missing} that ${withArticle(kind)} needs. Name it with --map 'Column=${name}', or set one value for all rows with ` +
        `--set ${name}=… The columns are ${columns.join(', ')}.${id}`,
    )
  }
}

interface Scope {
  readonly isWide: boolean
  readonly among: readonly Kind[]
}

function planKind(
  kind: Kind,
  columns: readonly string[],
  rules: Rules,
  scope: Scope,
): Omit<KindPlan, 'refusesUnknown'> {
  const fills = new Map<string, { path: readonly string[]; columns: string[]; template?: string }>()
  const used = new Set(['kind', refusalColumn])
  const entry = (path: readonly string[]) => {
    const name = JSON.stringify(path)
    const fill = fills.get(name) ?? { path, columns: [] }
    fills.set(name, fill)
    return fill
  }
  const mapped = new Set(rules.map.map(([column]) => column))
  const named = columns.filter((column) => !mapped.has(column)).map((column) => [column, column] as const)
  for (const [column, field] of [...rules.map.filter(([column]) => columns.includes(column)), ...named]) {
    const path = field === '' ? undefined : pathIn(kind, field, scope)
    if (field === '' || path !== undefined || mapped.has(column)) used.add(column)
    if (path !== undefined) entry(path).columns.push(column)
  }
  for (const [field, template] of rules.set) {
    const path = pathIn(kind, field, scope)
    if (path !== undefined) entry(path).template ??= template
    for (const [, column = ''] of template.matchAll(templateColumn)) used.add(column)
  }
  for (const column of rules.only.keys()) used.add(column)
  const unknown = columns.filter((column) => !used.has(column))
  if (rules.unknown === 'metadata' && findField(kind, ['metadata']) !== undefined)
    for (const column of unknown.splice(0)) entry(['metadata', column]).columns.push(column)
  return {
    kind,
    unknown,
    // A currency is needed to read the amount.
    fills: [...fills.values()]
      .map((fill) => ({
        ...fill,
        name: fill.path.join('.'),
        schema: findField(kind, fill.path) ?? {},
      }))
      .sort((a, b) => Number(b.path[0] === 'currency') - Number(a.path[0] === 'currency')),
  }
}

/** The column of a file of refused rows that says why; an import leaves it out. */
export const refusalColumn = 'why_refused'

/** The path in the body of this kind to which a name leads: `amount`, `deal.amount`, `metadata.source`. */
function pathIn(kind: Kind, name: string, { isWide, among }: Scope): readonly string[] | undefined {
  const path = name.split('.')
  if (kinds.some((known) => known === path[0])) {
    const rest = path.slice(1)
    return path[0] === kind && findField(kind, rest) !== undefined ? rest : undefined
  }
  if (isWide && name === `${kind}_id`) return ['id']
  if (isWide && name === 'id' && kind !== 'event') return undefined
  if (findField(kind, path) === undefined) return undefined
  const owners = among.filter((other) => findField(other, path) !== undefined)
  if (isWide && name !== 'id' && name !== 'deal_id' && owners.length > 1)
    throw new Error(
      `${name} is a field of ${owners.join(' and ')}: write ${owners.map((owner) => `${owner}.${name}`).join(' or ')}.`,
    )
  return path
}

function guessKind(columns: readonly string[], rules: Rules): readonly Kind[] {
  const fields = [
    ...columns,
    ...rules.map.filter(([column]) => columns.includes(column)).map(([, field]) => field),
  ]
  const names = new Set([...fields, ...rules.set.map(([field]) => field)])
  const field = Object.keys(kindOfField).find((name) => names.has(name))
  if (field === undefined)
    throw new Error(
      `its header does not show its kind; set --kind, and --map for its columns: ${columns.join(', ')}. ${sentence(describeFields())}`,
    )
  return [kindOfField[field] as Kind]
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
