import t, { type Test } from 'tap'
import { createApp } from '../support/app.ts'
import { givenPartner } from '../support/fixtures.ts'
import { runCommand } from '../bin/processes.ts'

async function createService(t: Test) {
  const service = await createApp(t)
  const url = await service.app.listen({ host: '127.0.0.1', port: 0 })
  const demo = (...args: string[]) =>
    runCommand('tools/demo.ts', ['--url', url, ...args], {
      folder: t.testdir(),
      env: { API_KEY: service.key },
    })
  return { ...service, demo }
}

t.test(
  'the demo fills an empty service with a year of deals, ranks the partners and explains a deal',
  async (t) => {
    const { demo, call } = await createService(t)

    const { code, stdout, stderr } = await demo()

    t.strictSame({ code, stderr }, { code: 0, stderr: '' })
    t.match(stdout, /: 12 partners, 637 touchpoints, 200 deals; then 11 late touchpoints and 1 correction\./)
    t.match(stdout, /^Northlight Consulting +50 +1,029,323\.38 +75\.34 %$/m)
    t.match(stdout, /^The other 53,743\.15 are from deals without partners\.$/m)
    t.match(stdout, /Kestrel Systems, support: not counted \(after_close\)/)
    t.match(
      stdout,
      /Bluefin Advisory earns USD 10,294\.11, 41\.17 % of USD 24,999\.99, for 1 touchpoint \(closer\)/,
    )
    t.match(stdout, /^ +2 +late_event +24,000\.00 +9,882\.35 +9,882\.35 +4,235\.30$/m)
    t.match(stdout, /^ +3 +amended +24,999\.99 +10,294\.12 +10,294\.11 +4,411\.76$/m)
    const { deals } = (await call('GET', '/deals?limit=1000')).json<{ deals: { closed_date: string }[] }>()
    t.equal(deals.length, 200)
    t.ok(deals.every(({ closed_date }) => Date.parse(closed_date) > Date.now() - 366 * 86_400_000))
  },
)

t.test('a second demo prints the same output and stores nothing', async (t) => {
  const { demo, call } = await createService(t)
  const first = await demo()

  const second = await demo()

  t.equal(second.stdout, first.stdout)
  t.match((await call('GET', '/attribution/demo-deal-200')).json(), { version: 3 })
})

t.test('the demo revokes the key that it creates', async (t) => {
  const { demo, call } = await createService(t)

  await demo()

  const { api_keys } = (await call('GET', '/api-keys')).json<{
    api_keys: { name: string; revoked_at: string }[]
  }>()
  t.match(
    api_keys.filter(({ name }) => name === 'demo'),
    [{ revoked_at: /Z$/ }],
  )
})

t.test('the demo refuses a service that has other data', async (t) => {
  const service = await createService(t)
  await givenPartner(service, 'p1')

  const { code, stderr } = await service.demo()

  t.equal(code, 1)
  t.match(stderr, /^This service has data of its own/)
  t.match((await service.call('GET', '/partners')).json(), { partners: { length: 1 } })
})

t.test('npm run demo -- --remove voids what the demo made and says what stays', async (t) => {
  const { demo, call } = await createService(t)
  await demo()

  const { code, stdout, stderr } = await demo('--remove')
  const again = await demo('--remove')
  const more = await demo()

  t.strictSame({ code, stderr }, { code: 0, stderr: '' })
  t.match(stdout, /^Demo deals voided: 200\. Demo partners set inactive: 12\.\n[^]*The records stay readable/)
  t.equal(again.stdout, stdout)
  t.match((await call('GET', '/analytics')).json(), {
    overview: { total_deals: 0, total_revenue: 0 },
    touchpoints: [],
    currencies: [],
  })
  t.match(more, { code: 1, stderr: /^The demo was removed from this service, [^\n]+\n$/ })
})

t.test('npm run demo -- --remove leaves the data of a service without a demo alone', async (t) => {
  const service = await createService(t)
  await givenPartner(service, 'p1')

  const { code, stdout } = await service.demo('--remove')

  t.match({ code, stdout }, { code: 0, stdout: /^Demo deals voided: 0\. Demo partners set inactive: 0\./ })
  t.match((await service.call('GET', '/partners/p1')).json(), { partner: { status: 'active' } })
})
