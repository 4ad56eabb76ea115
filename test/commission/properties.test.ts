import * as fc from 'fast-check'
import t from 'tap'
import { commissions, properties } from './properties.ts'

// `npm run bench:properties` checks a million commissions.
const numRuns = 2000

for (const [sentence, check] of Object.entries(properties)) {
  t.test(sentence, async () => {
    fc.assert(fc.property(commissions, check), { numRuns })
  })
}
