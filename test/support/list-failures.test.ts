import t from 'tap'
import { listFailures } from './list-failures.ts'

const report = `TAP version 14
1..4
# Subtest: test/sums.test.ts
    # Subtest: sums
        # Subtest: of \\#1
            not ok 1 - one is two
              ---
              source: |
                not ok 9 - text of the source
              ...

            ok 2 - one is one
            1..2
        not ok 1 - of \\#1 # time=31.063ms
          ---
          at:
            lineNumber: 2
          ...

        1..1
    not ok 1 - sums # time=59.596ms
    # Subtest: products
        ok 1 - one
        1..1
    ok 2 - products # time=1ms
    not ok 3 - sums
    ok 4 - later # SKIP no reason
    not ok 5 - planned # TODO
    1..5
not ok 1 - test/sums.test.ts # time=81.295ms

# Subtest: test/fine.test.ts
    ok 1 - fine
    1..1
ok 2 - test/fine.test.ts # time=5ms

# Subtest: test/crash.test.ts
    1..0 # no tests found
not ok 3 - test/crash.test.ts # time=820.232ms
  ---
  exitCode: 1
  ...

not ok 4 - timeout!
`

t.test('listFailures names each failed assertion once, with its file and tests', async (t) => {
  t.strictSame(listFailures(report), [
    'test/sums.test.ts > sums > of #1 > one is two',
    'test/sums.test.ts > sums',
    'test/crash.test.ts',
    'timeout!',
  ])
})
