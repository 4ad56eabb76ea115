import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { PayoutKeysMissing } from '../errors.ts'

const algorithm = 'aes-256-gcm'
const ivLength = 12
const authTagLength = 16

/** Keys that seal payout details: the first seals, all of them open. */
export type PayoutKeys = ReadonlyMap<string, Buffer>

export interface Vault {
  seal(plain: Buffer, owner: string): Buffer
  open(sealed: Buffer, owner: string): Buffer
  /** Whether the key that sealed this is here. */
  canOpen(sealed: Buffer): boolean
  /** What everything that the newest key seals begins with. */
  readonly prefix: Buffer
}

/**
 * Seals small secrets with AES-256-GCM, bound to their owner's id: one byte of the key id's length, the key id, 12 bytes
 * of nonce, 16 of tag, then the ciphertext. Errors: 503 where a key is missing.
 */
export function createVault(keys: PayoutKeys): Vault {
  const [newest] = keys.keys()
  const prefix = newest === undefined ? Buffer.alloc(0) : Buffer.from([newest.length, ...Buffer.from(newest)])

  function seal(plain: Buffer, owner: string): Buffer {
    if (newest === undefined) throw new PayoutKeysMissing()
    const iv = randomBytes(ivLength)
    const cipher = createCipheriv(algorithm, keys.get(newest) as Buffer, iv, { authTagLength })
    cipher.setAAD(Buffer.from(owner))
    const sealed = Buffer.concat([cipher.update(plain), cipher.final()])
    return Buffer.concat([prefix, iv, cipher.getAuthTag(), sealed])
  }

  function open(sealed: Buffer, owner: string): Buffer {
    const keyId = keyIdOf(sealed)
    const key = keys.get(keyId)
    if (key === undefined) throw new PayoutKeysMissing()
    const ivAt = 1 + keyId.length
    const tagAt = ivAt + ivLength
    const textAt = tagAt + authTagLength
    const decipher = createDecipheriv(algorithm, key, sealed.subarray(ivAt, tagAt), { authTagLength })
    decipher.setAAD(Buffer.from(owner))
    decipher.setAuthTag(sealed.subarray(tagAt, textAt))
    return Buffer.concat([decipher.update(sealed.subarray(textAt)), decipher.final()])
  }

  return { seal, open, canOpen: (sealed) => keys.has(keyIdOf(sealed)), prefix }
}

/** A secret of each key for another purpose than sealing (HKDF), the newest key's first. */
export function deriveSecrets(keys: PayoutKeys, purpose: string): readonly Buffer[] {
  return [...keys.values()].map((key) => Buffer.from(hkdfSync('sha256', key, '', purpose, 32)))
}

/** Reads `id:base64 of 32 bytes`, newest first, one a line or separated by commas. Throws on anything else. */
export function parsePayoutKeys(text: string): PayoutKeys {
  const entries = text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map((entry): [string, Buffer] => {
      const [id = '', encoded = ''] = entry.split(':', 2)
      const key = Buffer.from(encoded, 'base64')
      if (!/^[A-Za-z0-9_-]{1,64}$/.test(id) || key.length !== 32) {
        throw new Error('PAYOUT_KEYS must be a list of id:key, each key the base64 of 32 bytes')
      }
      return [id, key]
    })
  if (new Set(entries.map(([id]) => id)).size < entries.length) {
    throw new Error('PAYOUT_KEYS names two keys alike; each needs an id of its own')
  }
  return new Map(entries)
}

function keyIdOf(sealed: Buffer): string {
  return sealed.subarray(1, 1 + (sealed[0] ?? 0)).toString()
}
