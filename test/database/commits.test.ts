import t from 'tap'
import { shareCommits } from '../../src/database/commits.ts'
import { connect } from '../../src/database/connect.ts'
import { lockKeyOf } from '../../src/database/locks.ts'
import { createDatabase } from '../support/database.ts'
import { quietLog } from '../support/log.ts'

const ids = Array.from({ length: 20 }, (_, n) => `d${n}`)
const even = ids.filter((id) => lockKeyOf(id) % 2 === 0)
const odd = ids.filter((id) => lockKeyOf(id) % 2 !== 0)

t.test('two groups are written at the same time, and calls for one deal are in the same one', async (t) => {
  const { url } = await createDatabase(t)
  const db = connect({ url, log: quietLog })
  t.teardown(() => db.destroy())
  const groups: string[][] = []
  const begun = Promise.withResolvers<void>()
  const end = Promise.withResolvers<void>()
  const call = shareCommits<{ id: string }, { id: string }>(db, {
    dealOf: ({ id }) => id,
    async work(_, items) {
      groups.push(items.map(({ id }) => id))
      if (items[0]?.id === even[0]) {
        begun.resolve()
        await end.promise
      }
      return items
    },
  })
  const [first = '', second = '', other = ''] = [even[0], even[1], odd[0]]

  const running = call({ id: first })
  await begun.promise
  const waiting = [call({ id: first }), call({ id: second })]
  await call({ id: other })
  const during = [...groups]
  end.resolve()
  await Promise.all([running, ...waiting])

  t.strictSame(during, [[first], [other]])
  t.strictSame(groups, [[first], [other], [first, second]])
})
