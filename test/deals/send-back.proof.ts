import t from 'tap'
import { generalModels } from '../../src/attribution/models.ts'
import type { Deal } from '../../src/deals/schemas.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { createRandom, type Random } from '../support/random.ts'

const deals = Number(process.env['SENT_BACK_DEALS'] ?? 1000)
const zones = ['UTC', 'Australia/Sydney', 'America/St_Johns', 'Asia/Kathmandu']
const offsets = ['Z', '+14:00', '+05:45', '-03:30', '-11:00']
const minute = 60_000

function pick<Item>(random: Random, items: readonly Item[]): Item {
  return items[random(items.length)] as Item
}

/** A close as CRMs send it: a date, a midnight or an instant, with and without closed_all_day. */
function randomClose(random: Random) {
  const day = new Date(Date.UTC(2024, 0, 1) + random(700) * 1440 * minute).toISOString().slice(0, 10)
  const time = pick(random, ['00:00:00', '12:30:00', '23:59:59.999'])
  const instant = `${day}T${time}${pick(random, offsets)}`
  return pick(random, [
    { closed_date: day },
    { closed_date: instant },
    { closed_date: instant, closed_all_day: true },
    { closed_date: instant, closed_all_day: false },
  ])
}

async function sendBack({ call }: TestApp, random: Random, id: string): Promise<boolean> {
  const body = {
    id,
    amount: (1 + random(10_000_000)) / 100,
    attribution_model: pick(random, generalModels),
    ...randomClose(random),
  }
  const created = await call('POST', '/deals', body)
  if (created.statusCode !== 201) throw new Error(created.body)
  const { deal } = (await call('GET', `/deals/${id}`)).json<{ deal: Deal }>()
  const { amount, closed_date, closed_all_day, attribution_model, model_parameters } = deal
  const sent = { amount, closed_date, attribution_model, model_parameters }
  const withFlag = random(2) === 0 ? sent : { ...sent, closed_all_day }
  const patched = (await call('PATCH', `/deals/${id}`, withFlag)).json<{ deal: Deal }>()
  return JSON.stringify(patched.deal) === JSON.stringify(deal)
}

for (const [n, timeZone] of zones.entries()) {
  t.test(`PATCH of what GET answered changes nothing, in ${timeZone}`, async (t) => {
    const service = await createApp(t, { config: { TIME_ZONE: timeZone } })
    const random = createRandom(n)
    let changed = 0

    for (let deal = 0; deal < deals / zones.length; deal++)
      if (!(await sendBack(service, random, `d${deal}`))) changed += 1

    t.equal(changed, 0)
  })
}
