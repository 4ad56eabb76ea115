import type { Kysely } from 'kysely'
import type { Database } from '../database/tables.ts'
import { type Fault, UnknownReference } from '../errors.ts'
import { listPartnerNames } from './partner-names.ts'
import type { ModelParameters } from './terms-schemas.ts'

const pointer = '/model_parameters/shares'

interface AgreedTerms {
  readonly model_parameters: ModelParameters
}

/** The partners that a deal credits by agreement; none under other models. */
export function agreedPartnersOf({ model_parameters: { shares = [] } }: AgreedTerms): readonly string[] {
  return shares.map(({ partner_id }) => partner_id)
}

/** The terms that credit a partner who is not registered, and the error (400) of each. */
export async function findRefusals<Terms extends AgreedTerms>(
  db: Kysely<Database>,
  terms: readonly Terms[],
): Promise<ReadonlyMap<Terms, Error>> {
  const names = await listPartnerNames(db, [...new Set(terms.flatMap(agreedPartnersOf))])
  const refusals = new Map<Terms, Error>()
  for (const one of terms) {
    const unknown = agreedPartnersOf(one).filter((id) => !names.has(id))
    // The shares have been put in order, so their places are not those of the request.
    const faults = unknown.map((id): Fault => ({ pointer, detail: `No partner has the id ${id}.` }))
    if (faults.length > 0) refusals.set(one, Object.assign(new UnknownReference(), { faults }))
  }
  return refusals
}

/** Errors: 400 if the terms credit a partner who is not registered. */
export async function checkAgreedPartners(db: Kysely<Database>, terms: AgreedTerms): Promise<void> {
  const refusal = (await findRefusals(db, [terms])).get(terms)
  if (refusal !== undefined) throw refusal
}
