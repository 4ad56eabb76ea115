import { type Answer, type Call, faultsOf, reasonOf } from './call.ts'
import type { Kind, Refusal, Row } from './rows.ts'

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

/** A batch goes in whole or not at all: rows at fault are taken out, and the rest is sent again. */
async function sendEvents(call: Call, rows: readonly Row[]): Promise<Outcome> {
  const answer = await call('POST', '/events/batch', { events: rows.map(({ body }) => body) })
  if (answer.status === 201) {
    const { accepted, duplicates } = answer.body as { accepted: number; duplicates: number }
    return { stored: accepted, known: duplicates, refused: [] }
  }
  const refused = refusedOf(rows, answer)
  if (refused.size > 0) {
    const rest = rows.filter((row) => !refused.has(row))
    const outcome = { stored: 0, known: 0, refused: [...refused.values()] }
    return rest.length === 0 ? outcome : add([outcome, await sendEvents(call, rest)])
  }
  // Not every refusal says whose fault it is; halving finds out.
  const [first] = rows
  if (first !== undefined && rows.length === 1) return toOutcome(first, answer)
  const half = rows.length >> 1
  return add([await sendEvents(call, rows.slice(0, half)), await sendEvents(call, rows.slice(half))])
}

/** The rows that an answer names. Of those with one id only the first: what becomes of it decides about the next. */
function refusedOf(rows: readonly Row[], { body }: Answer): ReadonlyMap<Row, Refusal> {
  const faults = faultsOf(body).flatMap(({ pointer, detail }) => {
    const [, index, field = ''] = /^\/events\/(\d+)(\/.*)?$/.exec(pointer) ?? []
    const row = rows[Number(index)]
    return row === undefined ? [] : [{ row, fault: { pointer: field, detail } }]
  })
  const firsts = new Map(faults.toReversed().map(({ row }) => [row.id, row]))
  const own = faults.filter(({ row }) => firsts.get(row.id) === row)
  return new Map(
    [...Map.groupBy(own, ({ row }) => row)].map(([row, found]) => [
      row,
      refuse(row, { ...body, errors: found.map(({ fault }) => fault) }),
    ]),
  )
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
