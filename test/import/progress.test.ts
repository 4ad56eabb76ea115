import { PassThrough } from 'node:stream'
import { mock } from 'node:test'
import t from 'tap'
import { createProgress } from '../../src/import/progress.ts'

t.test('without a terminal, progress is a line every ten seconds', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  const stream = new PassThrough()
  const progress = createProgress(stream as unknown as NodeJS.WriteStream)

  progress.start('deal', 300)
  progress.add(100)
  mock.timers.tick(9_999)
  const early = stream.read()
  mock.timers.tick(1)
  progress.add(50)
  mock.timers.tick(10_000)
  progress.stop()
  mock.timers.tick(10_000)

  t.equal(early, null)
  t.equal(String(stream.read()), 'deals: 100 of 300\ndeals: 150 of 300\n')
})
