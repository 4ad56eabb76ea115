import t from 'tap'
import { attribute } from '../../src/attribution/attribute.ts'
import { createMemo } from '../../src/record/memo.ts'
import { givenJourney, givenTouch } from '../attribution/journey-fixtures.ts'

function givenSplit(amount_minor: bigint, partners = 2) {
  const touches = Array.from({ length: partners }, (_, n) => givenTouch(`p${n}`, 1, { id: `e${n}` }))
  return givenJourney('equal', touches, { amount_minor })
}

t.test('the memo splits journeys with one fingerprint once and counts hits and misses', async (t) => {
  const memo = createMemo(1)

  const first = memo(givenSplit(100n))

  t.equal(memo(givenSplit(100n)), first)
  t.strictSame(first, attribute(givenSplit(100n)))
  t.strictSame(memo(givenSplit(200n)), attribute(givenSplit(200n)))
  t.strictSame([memo.hits(), memo.misses()], [1, 2])
})

t.test('the memo returns frozen splits, because callers share them', async (t) => {
  const { shares } = createMemo(1)(givenSplit(100n))

  t.ok(Object.isFrozen(shares) && shares.every((share) => Object.isFrozen(share)))
})

t.test('the memo evicts the least recently used splits beyond its size', async (t) => {
  const memo = createMemo(1)
  const splits = Array.from({ length: 30 }, (_, n) => givenSplit(BigInt(n + 1), 500))

  for (const split of splits) memo(split)
  const isKnown = (split: (typeof splits)[0]) => {
    const before = memo.hits()
    memo(split)
    return memo.hits() > before
  }

  t.ok(isKnown(splits[29] as (typeof splits)[0]), 'the newest is remembered')
  t.notOk(isKnown(splits[0] as (typeof splits)[0]), 'the oldest is not')
})

t.test('a memo of 0 MB stores nothing', async (t) => {
  const memo = createMemo(0)

  memo(givenSplit(100n))
  memo(givenSplit(100n))

  t.strictSame([memo.hits(), memo.misses()], [0, 2])
})
