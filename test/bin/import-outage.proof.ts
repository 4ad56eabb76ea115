import t from 'tap'
import { createImport, createService, dump, toNdjson } from './import-command.ts'
import { createHome, startService } from './processes.ts'

const partners = Array.from({ length: 8 }, (_, n) => ({
  kind: 'partner',
  id: `p${n}`,
  name: `Partner ${n}`,
  email: `p${n}@example.com`,
}))
const deals = Array.from({ length: 300 }, (_, n) => ({
  kind: 'deal',
  id: `d${n}`,
  amount: n % 50 === 49 ? 0 : 1000 + n,
  closed_date: '2024-01-20T15:00:00Z',
  attribution_model: 'linear',
}))
const events = Array.from({ length: 3000 }, (_, n) => ({
  kind: 'event',
  id: `e${n}`,
  deal_id: `d${n % 300}`,
  partner_id: `p${(n * 7 + (n >> 4)) % 8}`,
  touchpoint_type: 'demo',
  timestamp: '2024-01-10T09:00:00Z',
}))
const year = { 'year.ndjson': toNdjson([...partners, ...deals, ...events]) }

t.test(
  'an import that is repeated after kills of the service stores the same rows as a clean run',
  async (t) => {
    const clean = await createService(t)
    await clean.load(year)
    const home = await createHome(t)
    const service = await startService(t, home)
    const { load } = createImport({ ...home, url: service.url })

    const amidEvents = load(year, '--patience', '0')
    await service.served(2)
    await service.kill()
    const port = Number(new URL(service.url).port)
    t.equal((await amidEvents).code, 1)
    const second = await startService(t, { ...home, port })
    const amidDeals = load(year, '--patience', '0')
    await second.served(3)
    await second.kill()
    t.equal((await amidDeals).code, 1)
    await startService(t, { ...home, port })
    const last = await load(year)

    t.equal(last.code, 2)
    t.match(last.stdout, /event +0 +3000 +0\n/)
    t.strictSame(await dump(home.db), await dump(clean.db))
  },
)

t.test('an import continues when the service is back', async (t) => {
  const home = await createHome(t)
  const service = await startService(t, home)
  const { load } = createImport({ ...home, url: service.url })

  const running = load(year, '--patience', '600')
  await service.served(2)
  await service.kill()
  await startService(t, { ...home, port: Number(new URL(service.url).port) })
  const { code, stderr } = await running

  t.equal(code, 2)
  t.match(stderr, /retrying for up to 600 s/)
  t.match(await dump(home.db), { deals: { length: 294 }, events: { length: 3000 } })
})
