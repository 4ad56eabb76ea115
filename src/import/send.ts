import type { ImportReport } from '../events/schemas.ts'
import { type Answer, type Call, reasonOf } from './call.ts'
import type { Kind } from './line.ts'
import type { Refusal, Row } from './rows.ts'

/** What became of some rows. */
export interface Outcome {
  readonly stored: number
  readonly known: number
  readonly refused: readonly Refusal[]
}

type Send = (call: Call, rows: readonly Row[]) => Promise<Outcome>

const dealsAtOnce = 8

/** How rows of each kind go in. Rows of one id keep their order, so that a second run ends as the first. */
export const send: Readonly<Record<Kind, Send>> = {
  // One by one, for partners also compete for an e-mail address.
  partner: (call, rows) => sendInTurn(call, '/partners', rows),
  event: sendEvents,
  async deal(call, rows) {
    const waiting = Map.groupBy(rows, ({ id }) => id).values()
    const sendNext = async (): Promise<Outcome[]> => {
      const outcomes = []
      for (const same of waiting) outcomes.push(await sendInTurn(call, '/deals', same))
      return outcomes
    }
    return add((await Promise.all(Array.from({ length: dealsAtOnce }, sendNext))).flat())
  },
}

async function sendInTurn(call: Call, path: string, rows: readonly Row[]): Promise<Outcome> {
  const outcomes = []
  for (const row of rows) outcomes.push(toOutcome(row, await call('POST', path, row.body)))
  return add(outcomes)
}

/**
 * Events go in as lines of one body. The report lists the first that were refused, as far as it has room; what comes
 * after the last of a list that is too short is sent again, to hear about the others.
 */
async function sendEvents(call: Call, rows: readonly Row[]): Promise<Outcome> {
  const lines = rows.map(({ body }) => `${JSON.stringify(body)}\n`).join('')
  const { status, body } = await call('POST', '/events/import', lines)
  if (status !== 200) throw new Error(`The service takes no import: ${reasonOf(body)}`)
  const { accepted, duplicates, refused, refusals } = body as unknown as ImportReport
  const listed = refusals.map(({ line, ...why }) => refuse(rows[line - 1] as Row, why))
  const outcome = { stored: accepted, known: duplicates, refused: listed }
  const last = refusals.at(-1)
  if (last === undefined || refusals.length === refused) return outcome
  const rest = await sendEvents(call, rows.slice(last.line))
  return add([outcome, { ...rest, known: 0 }])
}

function toOutcome(row: Row, answer: Answer): Outcome {
  if (answer.status === 201) return { stored: 1, known: 0, refused: [] }
  if (answer.status === 200) return { stored: 0, known: 1, refused: [] }
  return { stored: 0, known: 0, refused: [refuse(row, answer.body)] }
}

function refuse({ file, line, kind, id }: Row, body: Answer['body']): Refusal {
  return { file, line, kind, id, reason: reasonOf(body) }
}

export function add(outcomes: readonly Outcome[]): Outcome {
  return {
    stored: outcomes.reduce((sum, { stored }) => sum + stored, 0),
    known: outcomes.reduce((sum, { known }) => sum + known, 0),
    refused: outcomes.flatMap(({ refused }) => refused).sort((a, b) => a.line - b.line),
  }
}
