import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { agreedPartnersOf } from './agreed-partners.ts'
import type { ModelParameters } from './terms-schemas.ts'

/**
 * The partners into which those of these partners were merged that were merged. Until the transaction ends, no merge of any of
 * these partners begins.
 */
export async function findMergedInto(
  trx: Kysely<Database>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map()
  const rows = await trx
    .selectFrom('partners')
    .select(['id', 'merged_into'])
    .where('id', '=', sql<string>`any(${ids}::text[])`)
    .orderBy('id')
    .forKeyShare()
    .execute()
  return new Map(
    rows.flatMap(({ id, merged_into }) => (merged_into === null ? [] : [[id, merged_into] as const])),
  )
}

/** Terms in which the shares of merged partners are those of the partners that they were merged into. */
export async function withoutMerged<Terms extends { readonly model_parameters: ModelParameters }>(
  trx: Kysely<Database>,
  terms: readonly Terms[],
): Promise<Terms[]> {
  const mergedInto = await findMergedInto(trx, [...new Set(terms.flatMap(agreedPartnersOf))])
  return terms.map((one) => moveShares(one, mergedInto))
}

export function moveShares<Terms extends { readonly model_parameters: ModelParameters }>(
  terms: Terms,
  mergedInto: ReadonlyMap<string, string>,
): Terms {
  const { shares = [] } = terms.model_parameters
  if (!shares.some(({ partner_id }) => mergedInto.has(partner_id))) return terms
  const hundredths = new Map<string, number>()
  for (const { partner_id, percentage } of shares) {
    const id = mergedInto.get(partner_id) ?? partner_id
    hundredths.set(id, (hundredths.get(id) ?? 0) + Math.round(percentage * 100))
  }
  const moved = [...hundredths].map(([partner_id, sum]) => ({ partner_id, percentage: sum / 100 }))
  const inOrder = moved.sort((a, b) => (a.partner_id < b.partner_id ? -1 : 1))
  return { ...terms, model_parameters: { ...terms.model_parameters, shares: inOrder } }
}
