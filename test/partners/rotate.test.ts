import t from 'tap'
import { rotatePayoutKeys } from '../../src/partners/rotate.ts'
import { createVault, parsePayoutKeys } from '../../src/partners/vault.ts'
import { createApp } from '../support/app.ts'

const key = (byte: number) => Buffer.alloc(32, byte).toString('base64')
const [oldKey, newKey] = [`old:${key(1)}`, `new:${key(2)}`]
const partnerOf = (number: number) => ({
  id: `p${number}`,
  name: `Partner ${number}`,
  email: `p${number}@example.com`,
  payout_details: { bank_account: `DE8937040044053201300${number}` },
})

t.test(
  'after a rotation the newest key opens all details, and resubmissions are still recognised',
  async (t) => {
    const before = await createApp(t, { config: { payoutKeys: parsePayoutKeys(oldKey) } })
    for (const number of [1, 2, 3, 4, 5]) await before.call('POST', '/partners', partnerOf(number))
    await before.call('POST', '/partners', { id: 'bare', name: 'Bare', email: 'bare@example.com' })
    await before.call('DELETE', '/partners/p5/payout-details')
    const listed = (await before.call('GET', '/partners')).json<object>()

    const vault = createVault(parsePayoutKeys(`${newKey},${oldKey}`))
    const rotated = [await rotatePayoutKeys(before.db, vault, 2), await rotatePayoutKeys(before.db, vault, 2)]

    t.strictSame(rotated, [4, 0])
    const after = await createApp(t, { url: before.url, config: { payoutKeys: parsePayoutKeys(newKey) } })
    t.strictSame((await after.call('GET', '/partners')).json(), listed)
    const revealed = await after.call('GET', '/partners/p3/payout-details')
    t.strictSame(revealed.json(), { payout_details: partnerOf(3).payout_details })
    t.equal((await after.call('POST', '/partners', partnerOf(4))).statusCode, 200)
    t.equal((await after.call('POST', '/partners', { ...partnerOf(4), name: 'Other' })).statusCode, 409)
  },
)

t.test('a rotation keeps changes that are made during it', async (t) => {
  const both = parsePayoutKeys(`${oldKey},${newKey}`)
  const service = await createApp(t, { config: { payoutKeys: both } })
  const numbers = Array.from({ length: 30 }, (_, number) => number)
  for (const number of numbers) await service.call('POST', '/partners', partnerOf(number))

  const change = (number: number) =>
    service.call('PATCH', `/partners/p${number}`, { payout_details: { bank_account: `changed${number}` } })
  const vault = createVault(parsePayoutKeys(`${newKey},${oldKey}`))
  await Promise.all([rotatePayoutKeys(service.db, vault, 3), ...numbers.map(change)])
  await rotatePayoutKeys(service.db, vault)

  const after = await createApp(t, { url: service.url, config: { payoutKeys: parsePayoutKeys(newKey) } })
  for (const number of numbers) {
    const revealed = await after.call('GET', `/partners/p${number}/payout-details`)
    t.strictSame(revealed.json(), { payout_details: { bank_account: `changed${number}` } })
  }
})

t.test('a rotation without the old key fails and changes nothing', async (t) => {
  const service = await createApp(t, { config: { payoutKeys: parsePayoutKeys(oldKey) } })
  await service.call('POST', '/partners', partnerOf(1))
  const read = () => service.db.selectFrom('partners').select(['payout_details', 'submission']).execute()
  const before = await read()

  for (const keys of [newKey, '']) {
    await t.rejects(rotatePayoutKeys(service.db, createVault(parsePayoutKeys(keys))), {
      code: 'PAYOUT_KEYS_MISSING',
    })
  }

  t.strictSame(await read(), before)
})
