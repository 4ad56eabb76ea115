import type { Kysely } from 'kysely'
import type { Actor } from '../audit/schemas.ts'
import type { Database } from '../database/tables.ts'
import { PartnerExists } from '../errors.ts'
import type { WriteOutcome } from '../http/idempotency.ts'
import { toStoredEmail } from '../values/email.ts'
import { isSameValue } from '../values/same-value.ts'
import { changePartner } from './change-partner.ts'
import { findPartner } from './queries.ts'
import { answerOf, registerPartner } from './register.ts'
import type { DealRecord } from '../record/record.ts'
import type { Partner, PartnerDeclaration, PartnerRow } from './schemas.ts'
import type { Vault } from './vault.ts'

interface Declaration {
  readonly vault: Vault
  readonly record: DealRecord
  readonly id: string
  readonly sent: PartnerDeclaration
  readonly actor: Actor
}

/** Makes or changes a partner, so that it is what the client says. Errors: 400, 409. */
export async function declarePartner(
  trx: Kysely<Database>,
  declaration: Declaration,
): Promise<WriteOutcome<{ partner: Partner }> & { readonly isChanged: boolean }> {
  const { vault, record, id, sent, actor } = declaration
  const found = await findPartner(trx, id)
  const created = found === undefined ? await create(trx, declaration) : undefined
  if (created !== undefined) return { ...created, isChanged: true }
  const stored = (found ?? (await findPartner(trx, id))) as PartnerRow
  const change = changeOf(stored, sent)
  if (change === undefined) return { ...answerOf(vault, 200, stored), isChanged: false }
  const changed = await changePartner(trx, { vault, record, id, change, actor, isWhole: true })
  return { ...answerOf(vault, 200, changed), isChanged: true }
}

/** Registers a partner. Undefined if another request has registered it in the meantime. */
async function create(trx: Kysely<Database>, { vault, record, id, sent, actor }: Declaration) {
  const { status, note: _, ...fields } = sent
  const registered = await registerPartner(trx, { vault, partner: { ...fields, id }, actor }).catch(
    (error: unknown) => {
      if (error instanceof PartnerExists) return undefined
      throw error
    },
  )
  if (registered?.status !== 201) return undefined
  if (status !== 'inactive') return registered
  return answerOf(vault, 201, await changePartner(trx, { vault, record, id, change: { status }, actor }))
}

/** The fields in which a partner is not what the client says. Undefined: there are none. */
export function changeOf(
  stored: PartnerRow,
  { id: _, note, ...sent }: PartnerDeclaration,
): Omit<PartnerDeclaration, 'id'> | undefined {
  const fields = { ...sent, ...(sent.email && { email: toStoredEmail(sent.email) }) }
  const different = Object.entries(fields).filter(
    ([name, value]) => !isSameValue(stored[name as keyof PartnerRow], value),
  )
  if (different.length === 0) return undefined
  return { ...(Object.fromEntries(different) as typeof fields), ...(note !== undefined && { note }) }
}
