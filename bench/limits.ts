import autocannon from 'autocannon'
import { issueKey } from '../src/api-keys/issue.ts'
import { connect } from '../src/database/connect.ts'
import { createTestBed } from './support/test-bed.ts'

// Sends three times the limit of a key, evenly to three instances, which together should admit the limit.
const testBed = await createTestBed()
const db = connect({ url: testBed.url, max: 2, log: console })
try {
  const instances = await Promise.all([1, 2, 3].map(() => testBed.start('src/bin/serve.ts')))
  for (const limit of [100, 100_000]) {
    const { key } = await issueKey(db, { name: 'limited', scopes: ['read'], rate_limit_max: limit })
    const results = await Promise.all(
      instances.map(({ address }) =>
        autocannon({
          url: `${address}/partners?limit=1`,
          connections: 20,
          amount: limit,
          headers: { 'x-api-key': key },
          setupClient: () => {},
        }),
      ),
    )
    const admitted = results.reduce((sum, result) => sum + result['2xx'], 0)
    const ratio = admitted / limit
    console.log(`limit ${limit}: ${admitted} admitted of ${3 * limit}, ratio ${ratio.toFixed(3)}`)
    if (ratio < 0.95 || ratio > 1.05) process.exitCode = 1
  }
} finally {
  await db.destroy()
  await testBed.clear()
}
