import { openDatabase } from '../database/open.ts'
import { rotatePayoutKeys } from '../partners/rotate.ts'
import { createVault } from '../partners/vault.ts'
import { commandLog, loadEnvironment, run } from './environment.ts'
import { readPayoutKeys } from './payout-keys.ts'

// A key is changed in three steps, so that every instance can always open what another sealed: add the new one at the end
// of PAYOUT_KEYS everywhere; move it to the front everywhere; run this until it finds nothing, and take the old one out.
await run(async () => {
  const environment = loadEnvironment()
  const database = await openDatabase(environment, commandLog)
  try {
    const keys = await readPayoutKeys(environment, database.isEmbedded)
    const rotated = await rotatePayoutKeys(database.db, createVault(keys))
    const [newest] = keys.keys()
    console.log(
      rotated === 0
        ? `Everything is sealed with the key ${newest}; older keys can go.`
        : `Partners whose payout details are sealed with the key ${newest} now: ${rotated}.`,
    )
  } finally {
    await database.close()
  }
})
