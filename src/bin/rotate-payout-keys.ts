import { rotatePayoutKeys } from '../partners/rotate.ts'
import { createVault } from '../partners/vault.ts'
import { command, runCommand } from './command.ts'
import { readPayoutKeys } from './payout-keys.ts'
import { withDatabase } from './with-database.ts'

// Rotate a key in three steps, so that each instance can always decrypt what another has encrypted: add the new key at the
// end of PAYOUT_KEYS on all instances; move it to the front on all; run this until it finds nothing, then remove the old key.
const rotate = command({
  does: 'Encrypts all payout details again, with the first of the PAYOUT_KEYS.',
  run: () =>
    withDatabase(async ({ db, isEmbedded }, environment) => {
      const keys = await readPayoutKeys(environment, isEmbedded)
      const rotated = await rotatePayoutKeys(db, createVault(keys))
      const [newest] = keys.keys()
      console.log(
        rotated === 0
          ? `All payout details are encrypted with the key ${newest}; older keys can be removed.`
          : `Partners whose payout details were encrypted again, with the key ${newest}: ${rotated}.`,
      )
    }),
})

await runCommand('npm run keys:rotate-payout', rotate)
