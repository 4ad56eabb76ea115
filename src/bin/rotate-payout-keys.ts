import { openDatabase } from '../database/open-database.ts'
import { rotatePayoutKeys } from '../partners/rotate.ts'
import { createVault } from '../partners/vault.ts'
import { commandLog, loadEnvironment, run } from './environment.ts'
import { readPayoutKeys } from './payout-keys.ts'

// Rotate a key in three steps, so that each instance can always decrypt what another has encrypted: add the new key at the
// end of PAYOUT_KEYS on all instances; move it to the front on all; run this until it finds nothing, then remove the old key.
await run(async () => {
  const environment = loadEnvironment()
  const database = await openDatabase(environment, commandLog)
  try {
    const keys = await readPayoutKeys(environment, database.isEmbedded)
    const rotated = await rotatePayoutKeys(database.db, createVault(keys))
    const [newest] = keys.keys()
    console.log(
      rotated === 0
        ? `All payout details are encrypted with the key ${newest}; older keys can be removed.`
        : `Partners whose payout details were encrypted again, with the key ${newest}: ${rotated}.`,
    )
  } finally {
    await database.close()
  }
})
