import { checkBody } from './check-body.ts'
import { convert, type Unit } from './convert.ts'
import { describeFaults, describeValue } from './describe-refusal.ts'
import { type FileLine, type Kind, kinds } from './file-line.ts'
import { type FieldSchema, findField } from './fields.ts'
import type { Fill, KindPlan, RowPlan } from './row-plan.ts'
import { type Rules, templateColumn } from './rules.ts'

interface RowPlace {
  readonly file: string
  readonly line: number
  readonly last: number
}

/** A row to send. */
export interface Row extends RowPlace {
  readonly kind: Kind
  readonly id: string
  readonly body: Readonly<Record<string, unknown>>
  readonly plan: KindPlan
}

/** A line or row that was not stored, with the reason. */
export interface RefusedRow extends RowPlace {
  readonly kind?: Kind
  readonly id?: string
  readonly reason: string
}

type Values = Readonly<Record<string, unknown>>

/** Whether `--only` leaves a row out. */
export function isLeftOut(values: Values, { only }: RowPlan): boolean {
  return only.some(([column, texts]) => !texts.has(textOf(values[column]).trim()))
}

/** Makes the rows of a line: one, or one of each kind. */
export function makeRows(
  file: string,
  line: FileLine,
  plan: RowPlan,
  rules: Rules,
): readonly (Row | RefusedRow)[] {
  const place = { file, line: line.line, last: line.last }
  if ('fault' in line) return [{ ...place, reason: line.fault }]
  const { values } = line
  if (!plan.isWide) {
    const kindPlan = plan.kinds.find(({ kind }) => kind === (values['kind'] ?? plan.standard))
    if (kindPlan === undefined) return [{ ...place, reason: `Its kind must be one of ${kinds.join(', ')}.` }]
    return isWanted(kindPlan, plan) ? [makeRow(place, values, kindPlan, rules)] : []
  }
  const parts = plan.kinds.filter((kindPlan) => isPresent(values, kindPlan))
  if (parts.length > 0)
    return parts
      .filter((kindPlan) => isWanted(kindPlan, plan))
      .map((kindPlan) => makeRow(place, values, kindPlan, rules))
  return [{ ...place, reason: `It has the ids of none of ${plan.kinds.map(({ kind }) => kind).join(', ')}.` }]
}

function isWanted({ kind }: KindPlan, { wanted }: RowPlan): boolean {
  return wanted === undefined || wanted === kind
}

/** Whether a wide row holds one of this kind: it has the ids of it, or for a touchpoint those of its deal and its partner. */
function isPresent(values: Values, { kind, fills }: KindPlan): boolean {
  const ids = kind === 'event' ? ['deal_id', 'partner_id'] : ['id']
  return ids.every((id) => {
    const fill = fills.find(({ path }) => path.length === 1 && path[0] === id)
    return fill !== undefined && (readFill(values, fill) ?? '') !== ''
  })
}

function makeRow(place: RowPlace, values: Values, plan: KindPlan, rules: Rules): Row | RefusedRow {
  const { kind } = plan
  // Without a prototype, a column named __proto__ is an ordinary field.
  const body: Record<string, unknown> = Object.create(null)
  const faults = fillBody(body, values, plan, rules)
  if (plan.refusesUnknown) {
    const unknown = plan.unknown.filter((column) => column in values)
    const found = unknown.map((column) => ({ pointer: `/${column}`, detail: 'is unknown.' }))
    faults.push(...found.map((fault) => describeFaults(plan, body, [fault])))
  }
  const id = typeof body['id'] === 'string' ? body['id'] : ''
  const named = { ...place, kind, ...(id !== '' && { id }) }
  if (faults.length > 0) return { ...named, reason: faults.join(' ') }
  if (body['id'] === undefined || body['id'] === '')
    return { ...named, reason: 'It has no id. A second import needs the id to recognise the row.' }
  const found = checkBody(kind, body)
  if (found.length > 0) return { ...named, reason: describeFaults(plan, body, found) }
  return { ...place, kind, id, body, plan }
}

/** Fills a body. Returns what is wrong with the values. */
function fillBody(body: Record<string, unknown>, values: Values, plan: KindPlan, rules: Rules): string[] {
  const faults: string[] = []
  for (const fill of plan.fills) {
    const value = readFill(values, fill)
    if (value === undefined || (value === null && !isNullable(fill.schema))) continue
    const column = fill.columns[0] ?? fill.name
    const converted = convert(value, fill.name, fill.schema, rules)
    if ('wanted' in converted) faults.push(describeValue(column, value, converted.wanted))
    else {
      put(body, fill.path, converted.value)
      // The plan has the currency before the amount.
      const wanted = settleCurrency(plan, body, converted)
      if (wanted !== undefined) faults.push(describeValue(column, value, wanted))
    }
  }
  return faults
}

/** Takes the currency that an amount names. Returns what is wrong if it names another one, or none for certain. */
function settleCurrency(
  { kind }: KindPlan,
  body: Record<string, unknown>,
  { currency, sign }: Unit,
): string | undefined {
  if (sign === undefined) return undefined
  if (findField(kind, ['currency']) === undefined)
    return 'must be a number without a currency: it is in the currency of the deal'
  const given = (body['currency'] ??= currency)
  if (given === undefined)
    return 'does not say which currency this is: map a column to currency, or add --set currency=USD'
  return currency === undefined || currency === given
    ? undefined
    : `is not in ${textOf(given)}, the currency of the row`
}

/** The value of the first column that has one, else the text of `--set`. */
function readFill(values: Values, { columns, template }: Fill): unknown {
  for (const column of columns) {
    const value = values[column]
    if (value !== undefined && value !== '') return value
  }
  return template?.replace(templateColumn, (_, column: string) => textOf(values[column]))
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  return value === undefined || value === null ? '' : JSON.stringify(value)
}

function isNullable({ type }: FieldSchema): boolean {
  return Array.isArray(type) && type.includes('null')
}

function put(body: Record<string, unknown>, [name = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) body[name] = value
  else put((body[name] ??= Object.create(null)) as Record<string, unknown>, rest, value)
}
