import t from 'tap'
import { client } from '../../sdk/client.ts'
import { createFreshService } from '../support/examples.ts'

t.test('the client makes the four calls of an integration, each write with an Idempotency-Key', async (t) => {
  const { url, key } = await createFreshService(t)
  const keyed: number[] = []
  client.configure({
    serverUrl: url,
    auth: { apiKey: { apiKey: key } },
    idempotencyKey: true,
    retry: { retries: 3, retryDelay: 1 },
    onRequest: ({ headers }) => void keyed.push(headers['Idempotency-Key'] === undefined ? 0 : 1),
  })

  const alice = await client.createPartner({
    body: { id: 'alice', name: 'Alice', email: 'alice@example.com' },
  })
  const bob = await client.createPartner({ body: { id: 'bob', name: 'Bob', email: 'bob@example.com' } })
  await client.trackEvent({ body: { partner_id: 'alice', deal_id: 'd1', touchpoint_type: 'closer' } })
  await client.trackEvent({ body: { partner_id: 'bob', deal_id: 'd1', touchpoint_type: 'demo' } })
  const closed = await client.closeDeal({
    body: { id: 'd1', amount: 50_000, attribution_model: 'role-based' },
  })
  const split = await client.getAttribution({ path: { dealId: 'd1' } })

  t.match([alice.data, bob.data], [{ partner: { id: 'alice' } }, { partner: { id: 'bob' } }])
  t.match(closed.data, { attribution: { unattributed: 0, cached: false } })
  t.strictSame(
    split.data?.attributions.map(({ partner_id, percentage, payout }) => ({
      partner_id,
      percentage,
      payout,
    })),
    [
      { partner_id: 'alice', percentage: 70, payout: 35_000 },
      { partner_id: 'bob', percentage: 30, payout: 15_000 },
    ],
  )
  t.strictSame(keyed, [1, 1, 1, 1, 1, 0], 'every write has an Idempotency-Key')
})

t.test('the client encodes ids of other systems in paths', async (t) => {
  const { url, key } = await createFreshService(t)
  client.configure({ serverUrl: url, auth: { apiKey: { apiKey: key } } })
  const id = 'INV/2024 #1?'

  await client.closeDeal({ body: { id, amount: 1, attribution_model: 'equal' } })
  const read = await client.getDeal({ path: { dealId: id } })

  t.match(read.data, { deal: { id } })
})

t.test('a failed call returns a typed problem with a code and pointers', async (t) => {
  const { url, key } = await createFreshService(t)
  client.configure({ serverUrl: url, auth: { apiKey: { apiKey: key } } })

  const missing = await client.getDeal({ path: { dealId: 'nothing' } })
  const unknown = await client.trackEvent({
    body: { partner_id: 'nobody', deal_id: 'd1', touchpoint_type: 'demo' },
  })

  t.equal(missing.error?.code, 'deal_not_found')
  t.equal(unknown.error?.code, 'unknown_reference')
  t.strictSame(
    unknown.error?.errors.map(({ pointer }) => pointer),
    ['/partner_id'],
  )
})

t.test('listEvents.items() iterates over all pages', async (t) => {
  const { url, key } = await createFreshService(t)
  client.configure({ serverUrl: url, auth: { apiKey: { apiKey: key } } })
  await client.createPartner({ body: { id: 'alice', name: 'Alice', email: 'alice@example.com' } })
  const events = Array.from({ length: 25 }, (_, index) => ({
    id: `e${index}`,
    partner_id: 'alice',
    deal_id: 'd1',
    touchpoint_type: 'demo' as const,
  }))
  await client.trackEvents({ body: { events } })

  const ids: string[] = []
  for await (const { id } of client.listEvents.items({ query: { deal_id: 'd1', limit: 10 } })) ids.push(id)

  t.strictSame(ids.toSorted(), events.map(({ id }) => id).toSorted())
})

t.test('the client reads an export as text or as a stream', async (t) => {
  const { url, key } = await createFreshService(t)
  client.configure({ serverUrl: url, auth: { apiKey: { apiKey: key } } })
  await client.closeDeal({ body: { id: 'd1', amount: 10, attribution_model: 'equal' } })
  await client.closeDeal({ body: { id: 'd2', amount: 20, attribution_model: 'equal' } })

  const text = await client.exportAttributionsNdjson()
  const stream = await client.exportAttributionsNdjson({}, { parseAs: 'stream' })

  const lines = text.data?.split('\n') ?? []
  t.match(JSON.parse(lines[0] ?? ''), { deal_id: 'd1', partner_id: null, payout: 10 })
  t.match(JSON.parse(lines[1] ?? ''), { deal_id: 'd2', partner_id: null, payout: 20 })
  t.equal(lines.length, 3)
  t.equal(await new Response(stream.data).text(), text.data)
})

t.test('the client retries a write whose answer was lost, and it is stored once', async (t) => {
  const { url, key, db } = await createFreshService(t)
  let answers = 0
  client.configure({
    serverUrl: url,
    auth: { apiKey: { apiKey: key } },
    idempotencyKey: true,
    retry: { retries: 2, retryDelay: 1 },
    // Loses the first answer, like a connection that breaks after the commit.
    fetch: async (...request) => {
      const answer = await fetch(...request)
      if (answers++ === 0) throw new TypeError('the connection was lost')
      return answer
    },
  })

  const { data, response } = await client.createPartner({
    body: { name: 'Alice', email: 'alice@example.com' },
  })

  t.match(data, { partner: { name: 'Alice' } })
  t.equal(response.headers.get('idempotency-replayed'), 'true')
  t.match(await db.selectFrom('partners').select('name').execute(), [{ name: 'Alice' }])
})
