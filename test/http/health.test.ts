import { fastify } from 'fastify'
import t from 'tap'
import { health } from '../../src/http/health.ts'
import { answerProblems } from '../../src/http/problems.ts'
import { resources } from '../../src/openapi/resources.ts'

t.test('concurrent and repeated GET /ready requests share one database query', async (t) => {
  const app = fastify()
  // An answer stays fresh for a second.
  t.intercept(performance, 'now', { value: () => 0 })
  t.teardown(() => app.close())
  answerProblems(app)
  for (const resource of resources) app.addSchema(resource)
  let questions = 0
  const pending = Promise.withResolvers<boolean>()
  const isReady = () => {
    questions += 1
    return pending.promise
  }
  await app.register(health, { isReady, drainMs: 0, models: [] })

  const waiting = Array.from({ length: 50 }, () => app.inject('/ready'))
  pending.resolve(true)
  const statuses = (await Promise.all(waiting)).map(({ statusCode }) => statusCode)
  const soonAfter = await app.inject('/ready')

  t.strictSame(new Set(statuses), new Set([200]))
  t.equal(soonAfter.statusCode, 200)
  t.equal(questions, 1)
})
