import type { Kysely } from 'kysely'
import type { Database } from '../database/tables.ts'
import { type Fault, invalid, UnknownReference } from '../errors.ts'
import { listPartnerNames } from '../record/partner-names.ts'
import { readAmount } from '../record/read-terms.ts'
import type { CommissionRule, NewPlanVersion, PlanMoney } from './schemas.ts'

const mostBytes = 32_768

/** Errors: 400 with every fault of the rules and caps that their schema cannot find. */
export function checkRules({ rules, cap_per_deal }: Pick<NewPlanVersion, 'rules' | 'cap_per_deal'>): void {
  const faults = [
    ...rules.flatMap((rule, place) => faultsOfRule(rule, `/rules/${place}`)),
    ...faultsOfMoney(cap_per_deal, '/cap_per_deal'),
    ...(Buffer.byteLength(JSON.stringify(rules)) > mostBytes
      ? [{ pointer: '/rules', detail: 'The rules are larger than 32 kB.' }]
      : []),
  ]
  if (faults.length > 0) throw invalid(faults)
}

function faultsOfRule({ when, rate, flat, cap }: CommissionRule, pointer: string): Fault[] {
  const faults: Fault[] = []
  if (rate === undefined && flat === undefined)
    faults.push({ pointer, detail: 'The rule needs a rate or a flat amount.' })
  if (rate !== undefined && flat !== undefined)
    faults.push({ pointer, detail: 'The rule has a rate and a flat amount: send one of them.' })
  const { amount_at_least: least, amount_below: below } = when ?? {}
  if (below !== undefined && below <= (least ?? 0)) {
    const detail = `No amount is at least ${least ?? 0} and below ${below}: the rule would fit no deal.`
    faults.push({ pointer: `${pointer}/when/amount_below`, detail })
  }
  return [...faults, ...faultsOfMoney(flat, `${pointer}/flat`), ...faultsOfMoney(cap, `${pointer}/cap`)]
}

function faultsOfMoney(money: PlanMoney | undefined, pointer: string): readonly Fault[] {
  const read = money === undefined ? undefined : readAmount(money.amount, money.currency)
  if (read === undefined || 'value' in read) return []
  return read.faults.map(({ detail }) => ({ pointer: `${pointer}/amount`, detail }))
}

/** Errors: 400 if the rules name a partner who is not registered. */
export async function checkNamedPartners(
  db: Kysely<Database>,
  rules: readonly CommissionRule[],
): Promise<void> {
  const named = rules.flatMap(({ when }, place) =>
    (when?.partner_ids ?? []).map((id, index) => ({
      id,
      pointer: `/rules/${place}/when/partner_ids/${index}`,
    })),
  )
  const known = await listPartnerNames(db, [...new Set(named.map(({ id }) => id))])
  const faults = named
    .filter(({ id }) => !known.has(id))
    .map(({ id, pointer }) => ({ pointer, detail: `No partner has the id ${id}.` }))
  if (faults.length > 0) throw Object.assign(new UnknownReference(), { faults })
}
