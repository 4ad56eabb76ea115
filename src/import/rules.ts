import { isTimeZone } from '../values/calendar.ts'
import { createDateFormat, type DateFormat } from './dates.ts'
import { describeFields, findField } from './fields.ts'
import { type Kind, kinds } from './file-line.ts'
import type { MapFile } from './map-file.ts'

/** The columns that a text of `--set` names. */
export const templateColumn = /\{([^{}]+)\}/g

/** What becomes of a column or a key that is no field. */
export const unknownTreatments = ['drop', 'metadata', 'refuse'] as const
type UnknownTreatment = (typeof unknownTreatments)[number]

/** How the rows of all files become partners, events and deals. */
export interface Rules {
  /** One: the kind of rows that do not name theirs. Several: each row holds one of each. None: the file tells. */
  readonly kinds: readonly Kind[]
  /** The field of a column; an empty text leaves the column out. */
  readonly map: readonly (readonly [column: string, field: string])[]
  /** What fills a field that the row leaves empty. `{Column}` stands for the value of a column. */
  readonly set: readonly (readonly [field: string, text: string])[]
  /** Only rows with one of these texts in the column are taken. A file that lacks one of the columns is read by the others. */
  readonly only: ReadonlyMap<string, ReadonlySet<string>>
  /** For each field, what stands for a text of the file. `*` stands for any other text. */
  readonly values: ReadonlyMap<string, ReadonlyMap<string, string>>
  readonly dateFormats: readonly DateFormat[]
  readonly isDecimalComma: boolean
  /** Default: a column of CSV is left out, a key of JSON is refused. */
  readonly unknown: UnknownTreatment | undefined
  /** Columns that at least one file must have, because the command line names them. */
  readonly neededColumns: readonly string[]
}

/** The options of the command line, as text. */
export interface RuleOptions {
  readonly kind?: string | undefined
  readonly map?: readonly string[] | undefined
  readonly set?: readonly string[] | undefined
  readonly only?: readonly string[] | undefined
  readonly unknown?: string | undefined
  readonly 'date-format'?: readonly string[] | undefined
  readonly 'decimal-comma'?: boolean | undefined
}

/** Combines the options with the files of mappings; the options count first. Throws if one of them is not valid. */
export function readRules(options: RuleOptions, files: readonly MapFile[], timeZone: string): Rules {
  if (!isTimeZone(timeZone))
    throw new Error(`${timeZone} is not a time zone; an example of one is Europe/Berlin.`)
  const map = (options.map ?? []).map((text) => cutLast('--map', text))
  const set = (options.set ?? []).map((text) => cutFirst('--set', text))
  const only = (options.only ?? []).map((text) => cutFirst('--only', text))
  const kindsOfRows = readKinds(options.kind ?? files.find(({ kind }) => kind !== undefined)?.kind)
  const allMaps = [...map, ...files.flatMap((file) => Object.entries(file.map ?? {}))]
  const allSets = [...set, ...files.flatMap((file) => Object.entries(file.set ?? {}))]
  for (const [, field] of allMaps) if (field !== '') confirmField(field, kindsOfRows)
  for (const [field] of allSets) confirmField(field, kindsOfRows)
  for (const field of files.flatMap(({ values = {} }) => Object.keys(values)))
    confirmField(field, kindsOfRows)
  const unknown = unknownTreatments.find((known) => known === options.unknown)
  if (unknown !== options.unknown)
    throw new Error(`--unknown must be one of ${unknownTreatments.join(', ')}.`)
  return {
    kinds: kindsOfRows,
    map: allMaps,
    set: allSets,
    only: groupTexts([...only, ...files.flatMap(onlyOf)]),
    values: new Map(
      files.flatMap(({ values = {} }) =>
        Object.entries(values).map(([field, texts]) => [field, new Map(Object.entries(texts))] as const),
      ),
    ),
    dateFormats: [...(options['date-format'] ?? []), ...files.flatMap((file) => file.date_formats ?? [])].map(
      (format) => createDateFormat(format, timeZone),
    ),
    isDecimalComma: options['decimal-comma'] || files.some((file) => file.decimal_comma === true),
    unknown,
    neededColumns: [
      ...[...map, ...only].map(([column]) => column),
      ...set.flatMap(([, text]) => [...text.matchAll(templateColumn)].map(([, column = '']) => column)),
    ],
  }
}

/** Throws if the files lack a column that the command line names, or each column by which rows are chosen. */
export function confirmColumns({ neededColumns, only }: Rules, columns: ReadonlySet<string>): void {
  const missing = neededColumns.find((column) => !columns.has(column))
  if (missing !== undefined)
    throw new Error(`There is no column ${missing}; the columns are ${[...columns].join(', ')}.`)
  if (only.size > 0 && ![...only.keys()].some((column) => columns.has(column)))
    throw new Error(`There is no column ${[...only.keys()].join(' or ')} by which to choose rows.`)
}

function readKinds(text: string | undefined): readonly Kind[] {
  if (text === undefined) return []
  return text.split(',').map((name) => {
    const kind = kinds.find((known) => known === name.trim())
    if (kind === undefined)
      throw new Error(`--kind must be one of ${kinds.join(', ')}, or several such as deal,event.`)
    return kind
  })
}

function confirmField(name: string, among: readonly Kind[]): void {
  const [first, ...rest] = name.split('.')
  const candidates = among.length === 0 ? kinds : among
  const prefix = candidates.find((kind) => kind === first)
  const isWideId = candidates.length > 1 && (name === 'deal_id' || name === 'partner_id')
  const found =
    isWideId ||
    (prefix === undefined
      ? candidates.some((kind) => hasField(kind, name.split('.')))
      : hasField(prefix, rest))
  if (!found) throw new Error(`There is no field ${name}; ${describeFields(candidates)}.`)
}

function hasField(kind: Kind, path: readonly string[]): boolean {
  return findField(kind, path) !== undefined
}

function onlyOf({ only = {} }: MapFile): readonly (readonly [string, string])[] {
  return Object.entries(only).flatMap(([column, texts]) => texts.map((text) => [column, text] as const))
}

function groupTexts(pairs: readonly (readonly [string, string])[]): ReadonlyMap<string, ReadonlySet<string>> {
  const groups = Map.groupBy(pairs, ([column]) => column)
  return new Map([...groups].map(([column, texts]) => [column, new Set(texts.map(([, text]) => text))]))
}

/** Cuts `Column=field` at the last sign: names of columns may have one, names of fields have none. */
function cutLast(option: string, text: string): readonly [string, string] {
  return cut(option, text, text.lastIndexOf('='))
}

function cutFirst(option: string, text: string): readonly [string, string] {
  return cut(option, text, text.indexOf('='))
}

function cut(option: string, text: string, at: number): readonly [string, string] {
  if (at < 1) throw new Error(`${option} takes a pair such as ${examples[option]}, not ${text}.`)
  return [text.slice(0, at).trim(), text.slice(at + 1).trim()]
}

const examples: Readonly<Record<string, string>> = {
  '--map': "'Record ID=id'",
  '--set': 'attribution_model=role-based',
  '--only': "'Deal Stage=Closed Won'",
}
