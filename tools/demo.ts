import { client, type Problem } from '../sdk/client.ts'
import { reasonOf } from '../src/import/api-client.ts'
import { readServiceAccess } from '../src/import/service-access.ts'
import { createDemoData, type DemoData } from './demo-data.ts'
import { formatTable } from '../src/import/format-table.ts'
import { command, runCommand } from '../src/bin/command.ts'
import { loadEnvironment } from '../src/bin/environment.ts'

const dayMs = 86_400_000

const demo = command({
  does: 'Fills an empty service with a generated year of a partner programme. The key is that of the service, or API_KEY.',
  options: {
    url: { value: 'URL', help: 'the service; without it API_URL, or else this machine' },
    remove: { help: 'void the deals of the demo and set its partners inactive' },
  },
  async run({ url: given, remove: isRemoval }) {
    const { url, key } = readServiceAccess({ url: given }, process.env, loadEnvironment())
    client.configure({ serverUrl: url, auth: { apiKey: { apiKey: key } } })
    const { api_key: own } = await ask(
      client.createApiKey({
        body: {
          name: 'demo',
          scopes: ['write'],
          rate_limit_max: 10_000,
          expires_at: new Date(Date.now() + 3_600_000).toISOString(),
        },
      }),
    )
    try {
      client.auth.apiKey('apiKey', own.key as string)
      await (isRemoval ? remove() : show(url))
    } finally {
      client.auth.apiKey('apiKey', key)
      await ask(client.revokeApiKey({ path: { keyId: own.id } }))
    }
  },
})

async function show(url: string): Promise<void> {
  const today = await findStart()
  const data = createDemoData(today)
  await fill(data)
  await printLeaderboard(today)
  await printSplit(data.exampleId)
  console.log(`\nThe rest is at ${url}/docs, or by curl as in README.md.`)
}

/** Today, or the day of the first run, so that a second run sends the same data. Throws if the service has other data. */
async function findStart(): Promise<number> {
  const { data: earlier } = await client.getPartner({ path: { partnerId: 'demo-partner-1' } })
  if (earlier?.partner.status === 'inactive')
    throw new Error(
      'The demo was removed from this service, and its ids are taken for ever: to run it again, start with an empty database (docs/operations.md, "Reset").',
    )
  if (earlier !== undefined) return midnightOf(earlier.partner.created_at)
  const { partners } = await ask(client.listPartners({ query: { limit: 1 } }))
  const { deals } = await ask(client.listDeals({ query: { limit: 1 } }))
  if (partners.length + deals.length === 0) return midnightOf(new Date().toISOString())
  throw new Error(
    'This service has data of its own. The demo runs only on an empty service, because records cannot be deleted.',
  )
}

function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10)
}

function midnightOf(instant: string): number {
  return Math.floor(Date.parse(instant) / dayMs) * dayMs
}

async function fill({ partners, events, deals, lateEvents, correction }: DemoData): Promise<void> {
  for (const body of partners) await ask(client.createPartner({ body }))
  await ask(client.trackEvents({ body: { events } }))
  for (const body of deals) await ask(client.closeDeal({ body }))
  await ask(client.trackEvents({ body: { events: lateEvents } }))
  await ask(client.amendDeal(correction))
  console.log(
    `A year of a partner programme: ${partners.length} partners, ${events.length} touchpoints, ${deals.length} deals; ` +
      `then ${lateEvents.length} late touchpoints and 1 correction.`,
  )
}

/** Voids the deals, because the API deletes nothing. An interrupted demo has fewer deals and partners. */
async function remove(): Promise<void> {
  const { partners, deals } = createDemoData(midnightOf(new Date().toISOString()))
  const body = { reason: 'the demo was removed' }
  let voided = 0
  for (const { id: dealId } of deals) {
    const { error } = await client.voidDeal({ path: { dealId: dealId as string }, body })
    if (error === undefined) voided += 1
    else if (error.status !== 404) throw refusal(error)
  }
  let left = 0
  for (const { id: partnerId } of partners) {
    const change = { path: { partnerId: partnerId as string }, body: { status: 'inactive' as const } }
    const { error } = await client.updatePartner(change)
    if (error === undefined) left += 1
    else if (error.status !== 404) throw refusal(error)
  }
  console.log(`Demo deals voided: ${voided}. Demo partners set inactive: ${left}.
No report counts them any more. The records stay readable, with their touchpoints, because the API deletes nothing. To
start with an empty database, see docs/operations.md, "Reset".`)
}

async function printLeaderboard(today: number): Promise<void> {
  const [start_date, end_date] = [dayOf(today - 365 * dayMs), dayOf(today)]
  const { overview, partners } = await ask(
    client.getAnalytics({ query: { currency: 'USD', start_date, end_date } }),
  )
  console.log(
    `\nEarnings of the partners, USD, ${start_date} to ${end_date}: ${overview.total_deals} deals, ${money(overview.total_revenue)}\n`,
  )
  const rows = partners.map(({ name, deals_count, total_payout, avg_attribution_pct }) => [
    name,
    deals_count,
    money(total_payout),
    `${avg_attribution_pct.toFixed(2)} %`,
  ])
  console.log(formatTable(['partner', 'deals', 'payout', 'average share'], rows))
  const paid = partners.reduce((sum, { total_payout }) => sum + total_payout, 0)
  console.log(`The other ${money(overview.total_revenue - paid)} are from deals without partners.`)
}

async function printSplit(dealId: string): Promise<void> {
  const split = await ask(client.getAttribution({ path: { dealId }, query: { explain: true } }))
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
    const receiver = partner_id === null ? 'nobody' : names.get(partner_id)
    console.log(`The leftover ${money(amount)} goes to ${receiver} (rule: ${rule}).`)
  }
  await printHistory(dealId, names)
}

async function printHistory(dealId: string, names: ReadonlyMap<string, string>): Promise<void> {
  const { versions } = await ask(client.getAttributionHistory({ path: { dealId } }))
  console.log('\nHistory of the split\n')
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

/** Awaits an answer. Throws with the reasons of the service if it refuses the request. */
async function ask<Data>(answer: Promise<SdkAnswer<Data>>): Promise<Data> {
  const { data, error } = await answer
  if (error !== undefined) throw refusal(error)
  return data
}

function refusal(problem: Problem): Error {
  return new Error(`The service refused the request: ${reasonOf(problem)}`)
}

type SdkAnswer<Data> = { data: Data; error: undefined } | { data: undefined; error: Problem }

await runCommand('npm run demo', demo)
