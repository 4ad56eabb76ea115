import { connectionAttacks } from './connection-attacks.ts'
import { bodyAttacks } from './body-attacks.ts'
import { dealAttacks } from './deal-attacks.ts'
import { anonymousAttacks } from './anonymous-attacks.ts'
import { declarationAttacks } from './declaration-attacks.ts'
import { exportAttacks } from './export-attacks.ts'
import type { Attack } from './outcome.ts'
import { importAttacks } from './import-attacks.ts'

/** All attacks. Later ones use the rows that earlier ones store. */
export const attacks: readonly Attack[] = [
  ...anonymousAttacks,
  ...bodyAttacks,
  ...importAttacks,
  ...dealAttacks,
  ...declarationAttacks,
  ...exportAttacks,
  ...connectionAttacks,
]
