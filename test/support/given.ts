import type { TestApp } from './app.ts'

let number = 0

/** A registered partner. */
export async function givenPartner({ call }: TestApp, id = `p${++number}`, name = id) {
  const answer = await call('POST', '/partners', { id, name, email: `${id}@example.com` })
  return answer.json<{ partner: { id: string } }>().partner
}

/** A touchpoint of a partner on a deal. */
export async function givenEvent({ call }: TestApp, event: object) {
  const answer = await call('POST', '/events', { touchpoint_type: 'referral', ...event })
  return answer.json<{ event: { id: string; timestamp: string } }>().event
}

/** A closed deal. */
export async function givenDeal({ call }: TestApp, deal: object = {}) {
  const answer = await call('POST', '/deals', { amount: 100, attribution_model: 'equal', ...deal })
  return answer.json<{ deal: { id: string } }>().deal
}
