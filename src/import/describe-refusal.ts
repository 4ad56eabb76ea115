import type { BodyFault } from './check-body.ts'
import { describeFields, withArticle } from './fields.ts'
import type { KindPlan } from './row-plan.ts'

const longest = 80

/** Says what is wrong with a value, naming its column: `Close Date "31/12/24" must be a date such as 2026-01-31.` */
export function describeValue(column: string, value: unknown, wanted: string): string {
  return `${column} ${abridge(value)} ${wanted}.`
}

/** Says what is wrong with a body, by the columns of the file it comes from. */
export function describeFaults(plan: KindPlan, body: object, faults: readonly BodyFault[]): string {
  return faults.map((fault) => describeFault(plan, body, fault)).join(' ')
}

function describeFault({ kind, fills }: KindPlan, body: object, { pointer, detail }: BodyFault): string {
  const path = pointer.split('/').slice(1)
  const field = path.join('.')
  const fill = fills.find((known) => known.name === field)
  const [column = field] = fill?.columns ?? []
  const predicate = detail.replace(/^The (?:value|field) /, '')
  if (predicate === 'is unknown.')
    return `There is no field ${field} of ${withArticle(kind)}; ${describeFields([kind])}.`
  if (predicate === 'is required.')
    return column === field
      ? `${field} is required.`
      : `${field} is required, and the column ${column} is empty.`
  const value = path.reduce<unknown>(
    (object, name) => (object as Record<string, unknown> | undefined)?.[name],
    body,
  )
  const subject = value === undefined || field === '' ? column : `${column} ${abridge(value)}`
  const colon = predicate === detail && /^[A-Z]/.test(detail) ? ': ' : ' '
  return subject === '' ? detail : `${subject}${colon}${predicate}`
}

function abridge(value: unknown): string {
  const text = JSON.stringify(value)
  return text.length > longest ? `${text.slice(0, longest).toWellFormed()}…` : text
}
