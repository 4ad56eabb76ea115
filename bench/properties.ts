import * as fc from 'fast-check'
import { modelNames } from '../src/attribution/models.ts'
import { properties, splits } from '../test/attribution/properties.ts'
import { commissions, properties as commissionProperties } from '../test/commission/properties.ts'

const runs = Number(process.argv[2] ?? 1_000_000)

interface Subject<Case> {
  readonly name: string
  readonly cases: fc.Arbitrary<readonly Case[]>
  readonly numRuns: number
  readonly properties: Readonly<Record<string, (one: Case) => void>>
}

function checkAll<Case>({ name, cases, numRuns, properties }: Subject<Case>): void {
  const checks = Object.values(properties)
  const start = process.cpuUsage()
  let checked = 0
  fc.assert(
    fc.property(cases, (drawn) => {
      for (const one of drawn) {
        for (const check of checks) check(one)
        checked++
      }
    }),
    { numRuns },
  )
  const { user, system } = process.cpuUsage(start)
  const seconds = ((user + system) / 1_000_000).toFixed(1)
  console.log(
    `${checked} random ${name}, each against ${checks.length} properties: all hold (${seconds} s of one core)`,
  )
  for (const sentence of Object.keys(properties)) console.log(`- ${sentence}`)
}

checkAll({ name: 'splits', cases: splits, numRuns: Math.ceil(runs / modelNames.length), properties })
checkAll({
  name: 'plans × splits',
  cases: commissions.map((one) => [one]),
  numRuns: runs,
  properties: commissionProperties,
})
