import { readFile } from 'node:fs/promises'
import { Client } from 'pg'
import t, { type Test } from 'tap'
import { createApp } from '../support/app.ts'
import { givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'

const writes = ['An event', 'A close', 'A late event'] as const

/** The statements that the driver sends while some work runs, each as its first words. */
async function statementsOf(t: Test, work: () => Promise<unknown>): Promise<string[]> {
  const calls = t.capture(Client.prototype, 'query', Reflect.get(Client.prototype, 'query'))
  await work()
  const sent = calls().map(({ args: [first] }) => first as unknown as string | { readonly text: string })
  calls.restore()
  return (
    sent
      .map((statement) => firstWordsOf(typeof statement === 'string' ? statement : statement.text))
      // Now and then an instance leases requests from the limit of the key.
      .filter((words) => !words.includes('rate_limits'))
  )
}

function firstWordsOf(statement: string): string {
  return statement.replaceAll('"', '').replaceAll(/\s+/g, ' ').trim().slice(0, 60).trim()
}

/** The lists of docs/architecture.md by their titles. */
async function readDocumented(): Promise<Record<string, string[]>> {
  const page = await readFile('docs/architecture.md', 'utf8')
  const lists = page.matchAll(/^(?<title>[A-Z][\w ]+): \d+\n\n```sql\n(?<lines>.*?)\n```/gms)
  return Object.fromEntries(
    [...lists].map(({ groups }) => [groups?.['title'], groups?.['lines']?.split('\n')]),
  ) as Record<string, string[]>
}

t.test('docs/architecture.md lists the statements of an event, a close and a late event', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  // The first request of a key also reads the key.
  await givenEvent(service, { partner_id: 'p1', deal_id: 'd0' })
  // The first close also reads the commission plan.
  await givenDeal(service, { id: 'd0' })
  const timestamp = '2024-01-01T09:00:00Z'

  const event = await statementsOf(t, () =>
    givenEvent(service, { partner_id: 'p1', deal_id: 'd1', timestamp }),
  )
  const close = await statementsOf(t, () => givenDeal(service, { id: 'd1' }))
  const late = await statementsOf(t, () =>
    givenEvent(service, { partner_id: 'p1', deal_id: 'd1', timestamp }),
  )

  const sent = Object.fromEntries([event, close, late].map((list, n) => [writes[n], list]))
  t.strictSame(sent, await readDocumented())
})
