import type { Test } from 'tap'
import { createApp, type TestApp } from '../app.ts'
import { givenPartner } from '../fixtures.ts'
import { type Send, sendTo } from './instance-client.ts'

/** Several instances of the service on one database, with partners p0 to p9. */
export async function createInstances(
  t: Test,
  count: number,
): Promise<{ readonly instances: readonly Send[]; readonly db: TestApp['db'] }> {
  const first = await createApp(t)
  for (let n = 0; n < 10; n++) await givenPartner(first, `p${n}`)
  const others = await Promise.all(Array.from({ length: count - 1 }, () => createApp(t, { url: first.url })))
  return { instances: [first, ...others].map((service) => sendTo(service, first.key)), db: first.db }
}
