import * as fc from 'fast-check'
import { modelNames } from '../src/attribution/models.ts'
import { properties, splits } from '../test/attribution/properties.ts'

const runs = Number(process.argv[2] ?? 1_000_000)
const checks = Object.values(properties)
const start = process.cpuUsage()
let checked = 0
fc.assert(
  fc.property(splits, (models) => {
    for (const split of models) {
      for (const check of checks) check(split)
      checked++
    }
  }),
  { numRuns: Math.ceil(runs / modelNames.length) },
)
const { user, system } = process.cpuUsage(start)
const seconds = ((user + system) / 1_000_000).toFixed(1)
console.log(
  `${checked} random splits, each against ${checks.length} properties: all hold (${seconds} s of one core)`,
)
for (const sentence of Object.keys(properties)) console.log(`- ${sentence}`)
