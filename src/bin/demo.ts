import { parseArgs } from 'node:util'
import type { Static } from '@sinclair/typebox'
import type { IssuedApiKey } from '../api-keys/schemas.ts'
import type { Analytics } from '../analytics/schemas.ts'
import { type Call, createCall, reasonOf } from '../client/call.ts'
import { readConnection } from '../client/connection.ts'
import { createProgramme, type Programme } from '../client/programme.ts'
import type { Kind } from '../client/rows.ts'
import { send } from '../client/send.ts'
import { formatTable } from '../client/table.ts'
import type { AttributionHistory, ExplainedAttribution } from '../deals/schemas.ts'
import { loadEnvironment, run } from './environment.ts'

const dayMs = 86_400_000

await run(async () => {
  const { values } = parseArgs({ options: { url: { type: 'string' }, key: { type: 'string' } } })
  const { url, key } = readConnection(values, process.env, loadEnvironment().PORT)
  const options = { url, patienceMs: 10_000, say: console.error }
  const admin = createCall({ ...options, key })
  const own = await ask<{ api_key: IssuedApiKey }>(admin, 'POST', '/api-keys', {
    name: 'demo',
    scopes: ['write'],
    rate_limit_max: 10_000,
    expires_at: new Date(Date.now() + 3_600_000).toISOString(),
  })
  try {
    const call = createCall({ ...options, key: String(own.api_key.key) })
    const today = await findStart(call)
    const programme = createProgramme(today)
    await fill(call, programme)
    await printLeaderboard(call, today)
    await printSplit(call, programme.exampleId)
    console.log(`\nThe rest is at ${url}/docs, or by curl as in README.md.`)
  } finally {
    await ask(admin, 'DELETE', `/api-keys/${own.api_key.id}`)
  }
})

/** Today; or, where the demo has run before, the day on which it did, so that it finds what it left. */
async function findStart(call: Call): Promise<number> {
  const { status, body } = await call('GET', '/partners/demo-partner-1')
  if (status === 200) return midnightOf((body as { partner: { created_at: string } }).partner.created_at)
  const { partners } = await ask<{ partners: unknown[] }>(call, 'GET', '/partners?limit=1')
  const { deals } = await ask<{ deals: unknown[] }>(call, 'GET', '/deals?limit=1')
  if (partners.length + deals.length === 0) return midnightOf(new Date().toISOString())
  throw new Error(
    'This service has data of its own, and nothing recorded can be deleted, so the demo leaves it alone: it is for an empty one.',
  )
}

function midnightOf(instant: string): number {
  return Math.floor(Date.parse(instant) / dayMs) * dayMs
}

async function fill(
  call: Call,
  { partners, events, deals, lateEvents, corrections }: Programme,
): Promise<void> {
  await enter(call, 'partner', partners)
  await enter(call, 'event', events)
  await enter(call, 'deal', deals)
  await enter(call, 'event', lateEvents)
  for (const { method, path, body } of corrections) await ask(call, method, path, body)
  console.log(
    `A year of a partner programme: ${partners.length} partners, ${events.length} touchpoints, ${deals.length} deals; ` +
      `then ${lateEvents.length} touchpoints that came late and ${corrections.length} correction.`,
  )
}

async function enter(call: Call, kind: Kind, bodies: Programme['events']): Promise<void> {
  const rows = bodies.map((body, index) => ({ file: 'demo', line: index, kind, id: body.id, body }))
  const { refused } = await send[kind](call, rows)
  if (refused[0] !== undefined)
    throw new Error(`The service refused ${kind} ${refused[0].id}: ${refused[0].reason}`)
}

async function printLeaderboard(call: Call, today: number): Promise<void> {
  const [start, end] = [today - 365 * dayMs, today].map((at) => new Date(at).toISOString().slice(0, 10))
  const period = `currency=USD&start_date=${start}&end_date=${end}`
  const { overview, partners } = await ask<Analytics>(call, 'GET', `/analytics?${period}`)
  console.log(
    `\nWho earned what, USD, ${start} to ${end}: ${overview.total_deals} deals, ${money(overview.total_revenue)}\n`,
  )
  const rows = partners.map(({ name, deals_count, total_payout, avg_attribution_pct }) => [
    name,
    deals_count,
    money(total_payout),
    `${avg_attribution_pct.toFixed(2)} %`,
  ])
  console.log(formatTable(['partner', 'deals', 'payout', 'average share'], rows))
  const paid = partners.reduce((sum, { total_payout }) => sum + total_payout, 0)
  console.log(`The other ${money(overview.total_revenue - paid)} are deals that no partner touched.`)
}

async function printSplit(call: Call, dealId: string): Promise<void> {
  const split = await ask<ExplainedAttribution>(call, 'GET', `/attribution/${dealId}?explain=true`)
  const { touchpoints = [], excluded = [], odd_units = [], sentences = [] } = split.explanation ?? {}
  const { currency, total_amount, model } = split
  console.log(`\nOne deal explained: ${dealId}, ${currency} ${money(total_amount)}, ${model}\n`)
  const rows = touchpoints.map(({ timestamp, partner_name, touchpoint_type, weight, payout }) => [
    timestamp.slice(0, 10),
    partner_name,
    touchpoint_type,
    weight,
    money(payout),
  ])
  console.log(formatTable(['day', 'partner', 'touchpoint', 'weight', 'payout'], rows))
  for (const { timestamp, partner_name, touchpoint_type, reason } of excluded) {
    console.log(`${timestamp.slice(0, 10)}  ${partner_name}, ${touchpoint_type}: not counted (${reason})`)
  }
  console.log()
  for (const { sentence } of sentences) console.log(sentence)
  const names = new Map(split.attributions.map(({ partner_id, partner_name }) => [partner_id, partner_name]))
  for (const { partner_id, amount, rule } of odd_units) {
    console.log(`An odd ${money(amount)} went to ${names.get(partner_id)}, by ${rule}.`)
  }
  await printHistory(call, dealId, names)
}

async function printHistory(call: Call, dealId: string, names: ReadonlyMap<string, string>): Promise<void> {
  const path = `/attribution/${dealId}/history`
  const { versions } = await ask<Static<typeof AttributionHistory>>(call, 'GET', path)
  console.log('\nHow it came to that\n')
  const rows = versions.map(({ version, reason, total_amount, attributions }) => {
    const payouts = new Map(attributions.map(({ partner_id, payout }) => [partner_id, payout]))
    return [
      version,
      reason,
      money(total_amount),
      ...[...names.keys()].map((id) => money(payouts.get(id) ?? 0)),
    ]
  })
  console.log(formatTable(['version', 'why', 'amount', ...names.values()], rows))
}

function money(amount: number): string {
  return amount.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })
}

async function ask<Body>(call: Call, ...request: Parameters<Call>): Promise<Body> {
  const { status, body } = await call(...request)
  if (status >= 300) throw new Error(`${request[0]} ${request[1]} was refused: ${reasonOf(body)}`)
  return body as Body
}
