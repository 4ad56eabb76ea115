import type { FastifyRequest } from 'fastify'
import type { Kysely } from 'kysely'
import { actorOf } from '../audit/actors.ts'
import type { Actor } from '../audit/schemas.ts'
import type { Database } from '../database/tables.ts'
import { requireScope } from '../http/authentication.ts'
import type { DealRecord } from '../record/record.ts'
import { changeOf, declarePartner } from './declare.ts'
import { isEmpty } from './payout-details.ts'
import { listPartnersById } from './queries.ts'
import { registerPartner } from './register.ts'
import type { DeclaredPartnerLine, PartnerLine } from './schemas.ts'
import type { Vault } from './vault.ts'

type Attempt = <Result>(work: () => Promise<Result>) => Promise<Result>
type Sender = Pick<FastifyRequest, 'id' | 'caller'>

interface Sent<Line> {
  readonly partner: Omit<Line, 'kind'> & { readonly id: string }
  readonly actor: Actor
}

/** Partners as lines of an import. Each is stored in a transaction of its own. */
export function createPartnerLines(db: Kysely<Database>, record: DealRecord, vault: Vault) {
  return {
    submit: {
      read({ kind: _, ...partner }: PartnerLine, sender: Sender): Sent<PartnerLine> {
        if (!isEmpty(partner.payout_details ?? {})) requireScope(sender.caller, 'payouts:write')
        return { partner, actor: actorOf(sender) }
      },
      prepare: (lines: readonly Sent<PartnerLine>[]) => (attempt: Attempt) =>
        inOrder(lines, async (line) => {
          const register = () => db.transaction().execute((trx) => registerPartner(trx, { vault, ...line }))
          return (await attempt(register)).status === 201 ? 'created' : 'unchanged'
        }),
    },
    declare: {
      read: ({ kind: _, ...partner }: DeclaredPartnerLine, sender: Sender): Sent<DeclaredPartnerLine> => ({
        partner,
        actor: actorOf(sender),
      }),
      prepare: (lines: readonly Sent<DeclaredPartnerLine>[]) => async (attempt: Attempt) => {
        const ids = lines.map(({ partner }) => partner.id)
        const rows = await attempt(() => listPartnersById(db, ids))
        const stored = new Map(rows.map((row) => [row.id, row]))
        return inOrder(lines, async ({ partner, actor }) => {
          const known = stored.get(partner.id)
          if (known !== undefined && changeOf(known, partner) === undefined) return 'unchanged'
          // A later line with this id is compared with what this one leaves.
          stored.delete(partner.id)
          const declare = () =>
            db
              .transaction()
              .execute((trx) => declarePartner(trx, { vault, record, id: partner.id, sent: partner, actor }))
          const { status, isChanged } = await attempt(declare)
          if (status === 201) return 'created'
          return isChanged ? 'changed' : 'unchanged'
        })
      },
    },
  }
}

/** The results of lines that are stored one after another. An error of the client is a result. */
async function inOrder<Line, Outcome>(
  lines: readonly Line[],
  store: (line: Line) => Promise<Outcome>,
): Promise<(Outcome | Error)[]> {
  const results: (Outcome | Error)[] = []
  for (const line of lines) {
    const result = store(line).catch((error: Error & { readonly statusCode?: number }) => {
      const { statusCode = 500 } = error
      if (statusCode >= 500 || statusCode === 401) throw error
      return error
    })
    results.push(await result)
  }
  return results
}
