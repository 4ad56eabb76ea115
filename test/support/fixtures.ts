import { sql } from 'kysely'
import { commandLine } from '../../src/audit/actors.ts'
import { changePartner } from '../../src/partners/change-partner.ts'
import type { PartnerChange } from '../../src/partners/schemas.ts'
import { createVault } from '../../src/partners/vault.ts'
import { createRecord } from '../../src/record/record.ts'
import type { TestApp } from './app.ts'

let number = 0

/** Registers a partner. */
export async function givenPartner({ call }: TestApp, id = `p${++number}`, name = id) {
  const answer = await call('POST', '/partners', { id, name, email: `${id}@example.com` })
  return answer.json<{ partner: { id: string } }>().partner
}

/** Changes a partner at an instant of the past. */
export function givenChange({ db, calendar }: TestApp, id: string, at: string, change: PartnerChange) {
  const record = createRecord({ calendar })
  const update = {
    vault: createVault(new Map()),
    record,
    id,
    change,
    actor: commandLine,
    now: () => Date.parse(at),
  }
  return db.transaction().execute((trx) => changePartner(trx, update))
}

/** Records a touchpoint of a partner on a deal. */
export async function givenEvent({ call }: TestApp, event: object) {
  const answer = await call('POST', '/events', { touchpoint_type: 'referral', ...event })
  return answer.json<{ event: { id: string; timestamp: string } }>().event
}

/** Closes a deal. */
export async function givenDeal({ call }: TestApp, deal: object = {}) {
  const answer = await call('POST', '/deals', { amount: 100, attribution_model: 'equal', ...deal })
  return answer.json<{ deal: { id: string } }>().deal
}

interface Touchpoints {
  readonly deal_id: string
  readonly count: number
  /** The number of partners they are spread over: q0, q1, … */
  readonly partners: number
  readonly metadata?: string
}

/** Inserts touchpoints of a deal by SQL, one an hour from 2024-01-01 on. */
export async function givenTouchpoints(
  { db }: Pick<TestApp, 'db'>,
  { deal_id, count, partners, metadata }: Touchpoints,
): Promise<void> {
  await sql`
    insert into partners (id, name, email, submission)
    select 'q' || n, 'Q' || n, 'q' || n || '@example.com', '' from generate_series(0, ${partners} - 1) n
    on conflict do nothing`.execute(db)
  await sql`
    insert into events (id, deal_id, partner_id, touchpoint_type, timestamp, happened_on, metadata, known_from, submission)
    select ${deal_id} || '-' || n, ${deal_id}, 'q' || n % ${partners}, 'demo',
      timestamptz '2024-01-01Z' + n * interval '1 hour',
      ((timestamp '2024-01-01' + n * interval '1 hour')::date), ${metadata ?? null}::json, 1, ''
    from generate_series(0, ${count} - 1) n`.execute(db)
}
