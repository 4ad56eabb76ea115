import t from 'tap'
import { fingerprint, qualify, type Journey } from '../../src/attribution/journey.ts'
import { close, day, givenJourney, givenTouch, minute } from './journey-fixtures.ts'

function idsOf(journey: Journey): readonly string[] {
  return qualify(journey).qualifying.map(({ id }) => id)
}

function reasonsOf(journey: Journey): Readonly<Record<string, string>> {
  return Object.fromEntries(qualify(journey).excluded.map(({ touch, reason }) => [touch.id, reason]))
}

t.test('qualify includes touches up to the close plus the grace, to the millisecond', async (t) => {
  const touches = [
    givenTouch('p1', 0, { id: 'in-grace', at: close + 60 * minute }),
    givenTouch('p1', 0, { id: 'late', at: close + 60 * minute + 1 }),
  ]

  t.strictSame(idsOf(givenJourney('equal', touches)), ['in-grace'])
  t.strictSame(reasonsOf(givenJourney('equal', touches)), { late: 'after_close' })
  const strict = givenJourney('equal', touches, { parameters: { close_grace_minutes: 0 } })
  t.strictSame(reasonsOf(strict), { 'in-grace': 'after_close', late: 'after_close' })
})

t.test('a close without a time of day includes touches to the end of that day plus the grace', async (t) => {
  const midnight = Date.UTC(2025, 2, 31)
  const touches = [
    givenTouch('p1', 0, { id: 'evening', at: midnight + day - 1 }),
    givenTouch('p1', 0, { id: 'next-day', at: midnight + day }),
    givenTouch('p1', 0, { id: 'in-grace', at: midnight + day - 1 + 60 * minute }),
  ]
  const whole = { closed_at: midnight, closed_until: midnight + day }

  t.strictSame(idsOf(givenJourney('equal', touches, whole)), ['evening', 'next-day', 'in-grace'])
  const strict = { ...whole, parameters: { close_grace_minutes: 0 } }
  t.strictSame(reasonsOf(givenJourney('equal', touches, strict)), {
    'in-grace': 'after_close',
    'next-day': 'after_close',
  })
})

t.test('qualify includes touches from the start of the lookback, to the millisecond', async (t) => {
  const touches = [
    givenTouch('p1', 30, { id: 'in-time' }),
    givenTouch('p1', 30, { id: 'too-old', at: close - 30 * day - 1 }),
  ]

  const journey = givenJourney('equal', touches, { parameters: { lookback_days: 30 } })

  t.strictSame(idsOf(journey), ['in-time'])
  t.strictSame(reasonsOf(journey), { 'too-old': 'before_lookback' })
  t.strictSame(idsOf(givenJourney('equal', touches)), ['too-old', 'in-time'])
})

t.test('qualify excludes void touches, and all touches of a void deal', async (t) => {
  const touches = [givenTouch('p1', 1, { id: 'void', is_void: true }), givenTouch('p1', 2, { id: 'good' })]

  t.strictSame(reasonsOf(givenJourney('equal', touches)), { void: 'voided' })
  t.strictSame(reasonsOf(givenJourney('equal', touches, { is_void: true })), {
    good: 'deal_voided',
    void: 'voided',
  })
})

t.test('qualify sorts touches by instant, then by id in code point order', async (t) => {
  const at = close - day
  const touches = ['e10', 'e2', 'E2', 'e1'].map((id) => givenTouch('p1', 0, { id, at }))
  const first = givenTouch('p1', 2, { id: 'z' })

  t.strictSame(idsOf(givenJourney('equal', [...touches, first])), ['z', 'E2', 'e1', 'e10', 'e2'])
})

t.test('the fingerprint changes exactly when an input of the split changes', async (t) => {
  const touches = [givenTouch('p1', 3), givenTouch('p2', 1)]
  const journey = givenJourney('role-based', touches)
  const [first, second] = touches
  const late = givenTouch('p3', -1)
  const same: readonly Partial<Journey>[] = [
    { touches: touches.toReversed() },
    { touches: [...touches, late, givenTouch('p3', 2, { is_void: true })] },
    { touches: touches.map((touch) => ({ ...touch, is_void: false })) },
    { parameters: { ...reverseKeys(journey.parameters) } },
  ]
  const different: readonly Partial<Journey>[] = [
    { amount_minor: 10_001n },
    { currency: 'EUR' },
    { closed_at: close + 1 },
    { closed_until: close + day },
    { closed_until: close + 23 * 3_600_000 },
    { touches: [] },
    { touches: [], is_void: true },
    { model: 'linear' },
    { parameters: { ...journey.parameters, lookback_days: 90 } },
    { parameters: { ...journey.parameters, close_grace_minutes: 61 } },
    givenJourney('role-based', touches, { parameters: { weights: { demo: 0.16 } } }),
    { touches: [first!] },
    { touches: [first!, { ...second!, id: 'another' }] },
    { touches: [first!, { ...second!, partner_id: 'p3' }] },
    { touches: [first!, { ...second!, touchpoint_type: 'demo' }] },
    { touches: [first!, { ...second!, at: second!.at - 1 }] },
  ]

  for (const change of same) t.equal(fingerprint({ ...journey, ...change }), fingerprint(journey))
  const seen = new Set(
    [journey, ...different.map((change) => ({ ...journey, ...change }))].map((one) => fingerprint(one)),
  )
  t.equal(seen.size, different.length + 1)
})

t.test('only a split that 0.2.0 changed has another fingerprint under the earlier rules', async (t) => {
  const touches = [givenTouch('p1', 1), givenTouch('p2', 2)]
  const journeyOf = (count: number, first: number) =>
    givenJourney('position-based', touches.slice(0, count), { parameters: { weights: { first } } })

  t.notOk(hasOneFingerprint(journeyOf(1, 0)))
  t.strictSame(
    [journeyOf(1, 0.1), journeyOf(2, 0), journeyOf(0, 0), givenJourney('equal', touches.slice(1))].map(
      hasOneFingerprint,
    ),
    [true, true, true, true],
  )
})

/** Whether the journey has the same fingerprint under the rules from before 0.2.0. */
function hasOneFingerprint(journey: Journey): boolean {
  return fingerprint(journey) === fingerprint({ ...journey, only_touch_unpaid: true })
}

/** The same value with its keys in reverse order. */
function reverseKeys<Value extends object>(value: Value): Value {
  const entries = Object.entries(value).map(([name, inner]: [string, unknown]) => [
    name,
    typeof inner === 'object' && inner !== null ? reverseKeys(inner) : inner,
  ])
  return Object.fromEntries(entries.toReversed()) as Value
}

function fingerprintOf(id: string, partner_id: string): string {
  return fingerprint(givenJourney('equal', [givenTouch(partner_id, 1, { id })]))
}

t.test('ids with blanks and quotes cannot make two lists of touches look alike', async (t) => {
  const texts = [
    fingerprintOf('a b', 'c'),
    fingerprintOf('a', 'b c'),
    fingerprintOf('"a', 'b" c'),
    fingerprintOf('"a b"', 'c'),
    fingerprintOf('a b" c', '"'),
    fingerprintOf('\\"a', 'b'),
  ]

  t.equal(new Set(texts).size, texts.length)
  t.match(
    fingerprintOf('#1001', 'INV/2024/0001'),
    '\n#1001 INV/2024/0001 other ',
    'an id without a blank stands as it is',
  )
})

t.test(
  'touches of a partner without credit are partner_left, unless another reason comes first',
  async (t) => {
    const touches = [
      givenTouch('p1', 1, { id: 'good' }),
      givenTouch('p2', 1, { id: 'left' }),
      givenTouch('p2', 1, { id: 'void', is_void: true }),
      givenTouch('p2', -1, { id: 'late' }),
    ]

    const journey = givenJourney('equal', touches, { uncredited: new Set(['p2']) })

    t.strictSame(idsOf(journey), ['good'])
    t.strictSame(reasonsOf(journey), { left: 'partner_left', void: 'voided', late: 'after_close' })
  },
)
