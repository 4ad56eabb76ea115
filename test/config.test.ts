import t from 'tap'
import { readEnvironment } from '../src/config.ts'

t.test('a DEFAULT_CURRENCY that is no currency is refused by name, with the values it takes', async (t) => {
  for (const DEFAULT_CURRENCY of ['ABC', 'XXX', 'usd', 'US'])
    t.throws(() => readEnvironment({ DEFAULT_CURRENCY, PORT: '70000' }), {
      message: /DEFAULT_CURRENCY must be the ISO 4217 code of a currency, such as USD/,
    })

  t.equal(readEnvironment({ DEFAULT_CURRENCY: 'HRK' }).DEFAULT_CURRENCY, 'HRK')
})
