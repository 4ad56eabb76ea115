import * as fc from 'fast-check'
import t from 'tap'
import { properties, splits } from './properties.ts'

// `npm run bench:properties` checks a million splits.
const numRuns = 500

for (const [sentence, check] of Object.entries(properties)) {
  t.test(sentence, async () => {
    fc.assert(
      fc.property(splits, (models) => models.forEach(check)),
      { numRuns },
    )
  })
}
