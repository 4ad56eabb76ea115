import t, { type Test } from 'tap'
import { createCallers } from '../../src/api-keys/callers.ts'
import { endKey } from '../../src/api-keys/change-key.ts'
import { issueKey } from '../../src/api-keys/issue.ts'
import { listKeys } from '../../src/api-keys/queries.ts'
import { commandLine } from '../../src/audit/actors.ts'
import { generateApiKey, hashApiKey } from '../../src/http/api-key.ts'
import { createApp } from '../support/app.ts'

async function givenCallers(t: Test) {
  const { db } = await createApp(t)
  const { id, key } = await issueKey(db, { name: 'crm', scopes: ['read'] }, commandLine)
  const clock = { now: 0 }
  const callers = createCallers(db, () => clock.now)
  return { db, id, keyHash: hashApiKey(key) as Buffer, clock, callers }
}

t.test('another instance accepts a revoked key for at most three seconds', async (t) => {
  const { db, id, keyHash, clock, callers } = await givenCallers(t)
  await callers.findCaller(keyHash)
  await endKey(db, id, commandLine)

  clock.now = 2999
  const before = await callers.findCaller(keyHash)
  clock.now = 3000
  const after = await callers.findCaller(keyHash)

  t.strictSame([before?.id, after], [id, undefined])
})

t.test('the instance that revokes a key refuses it at once', async (t) => {
  const { db, id, keyHash, callers } = await givenCallers(t)
  await callers.findCaller(keyHash)
  await endKey(db, id, commandLine)

  callers.forget()

  t.equal(await callers.findCaller(keyHash), undefined)
})

t.test('a valid key stays known until a lookup finds it revoked', async (t) => {
  const { db, id, keyHash, clock, callers } = await givenCallers(t)
  const unknown = hashApiKey(generateApiKey()) as Buffer
  const before = callers.isKnown(keyHash)
  await callers.findCaller(keyHash)
  await callers.findCaller(unknown)

  clock.now = 60_000
  const later = [callers.isKnown(keyHash), callers.isKnown(unknown)]
  callers.forget()
  const forgotten = callers.isKnown(keyHash)
  await endKey(db, id, commandLine)
  await callers.findCaller(keyHash)

  t.strictSame([before, later, forgotten, callers.isKnown(keyHash)], [false, [true, false], true, false])
})

t.test('known keys are evicted oldest first beyond the capacity', async (t) => {
  const { db, keyHash, callers } = await givenCallers(t)
  await callers.findCaller(keyHash)
  await db.destroy()

  for (let n = 0; n < 9999; n += 1) {
    const caller = callers.findCaller(Buffer.from(`unknown ${n}`))
    caller.catch(() => {})
  }
  const kept = callers.isKnown(keyHash)
  callers.findCaller(Buffer.from('one more')).catch(() => {})

  t.strictSame([kept, callers.isKnown(keyHash)], [true, false])
})

t.test('unknown keys are not cached, so a key created later works at once', async (t) => {
  const { db, callers } = await givenCallers(t)
  const keyHash = hashApiKey(generateApiKey()) as Buffer
  const early = await callers.findCaller(keyHash)

  await db
    .insertInto('api_keys')
    .values({ id: 'key_late', name: 'late', scopes: ['read'], key_hash: keyHash })
    .execute()

  t.strictSame([early, (await callers.findCaller(keyHash))?.id], [undefined, 'key_late'])
})

t.test('the use of a key is recorded at most once a minute', async (t) => {
  const { db, id, keyHash, callers } = await givenCallers(t)
  const use = async () => {
    callers.forget()
    await callers.findCaller(keyHash)
    return (await listKeys(db)).find((key) => key.id === id)?.last_used_at
  }

  const first = await use()
  const again = await use()
  const minuteAgo = new Date(Date.now() - 60_001).toISOString()
  await db.updateTable('api_keys').set({ last_used_at: minuteAgo }).where('id', '=', id).execute()
  const later = await use()

  t.type(first, 'string')
  t.equal(again, first)
  t.ok((later ?? '') > minuteAgo)
})

t.test('cached callers are evicted beyond the capacity', async (t) => {
  const { keyHash, callers } = await givenCallers(t)
  const first = callers.findCaller(keyHash)
  await first
  t.equal(callers.findCaller(keyHash), first)

  const others = Array.from({ length: 10_000 }, (_, n) => callers.findCaller(Buffer.from(`other ${n}`)))
  const again = callers.findCaller(keyHash)

  t.not(again, first)
  await Promise.allSettled([...others, again])
})
