import t from 'tap'
import { createDatabase } from '../support/database.ts'
import { attacks } from '../support/siege/attacks.ts'
import { openTarget, readMemory } from '../support/siege/target.ts'

// The short form of `npm run siege`, without its time limits, which a slow machine would exceed.
const mostMemoryMb = 450
const target = await openTarget((await createDatabase(t)).url, 'short')
t.teardown(() => target.close())

for (const { name, run } of attacks) {
  t.test(`the service survives ${name} and gives the expected answers`, async (t) => {
    const { wrong } = await run(target)

    t.strictSame(wrong, [])
    t.ok(target.isAlive(), 'the process is alive')
    t.ok(readMemory(target.pid) < mostMemoryMb, 'its memory is bounded')
    t.equal((await target.send({ path: '/ready' })).status, 200)
  })
}
