import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { PayoutKeysMissing } from '../errors.ts'

const algorithm = 'aes-256-gcm'
const ivLength = 12
const authTagLength = 16

/** The keys for payout details, by id: the first one encrypts, any of them decrypts. */
export type PayoutKeys = ReadonlyMap<string, Buffer>

export interface Vault {
  seal(plain: Buffer, owner: string): Buffer
  open(sealed: Buffer, owner: string): Buffer
  /** Whether the vault has the key that sealed this. */
  canOpen(sealed: Buffer): boolean
  /** The first bytes of everything that the newest key seals. */
  readonly prefix: Buffer
}

/**
 * Encrypts small secrets with AES-256-GCM; the owner's id is authenticated data. Format: the length of the key id (1 byte),
 * the key id, the nonce (12 bytes), the tag (16 bytes), the ciphertext. Errors: 503 if a key is missing.
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

/** Derives one secret from each key for another purpose (HKDF); the newest key comes first. */
export function deriveSecrets(keys: PayoutKeys, purpose: string): readonly Buffer[] {
  return [...keys.values()].map((key) => Buffer.from(hkdfSync('sha256', key, '', purpose, 32)))
}

/** Parses keys such as `id:base64 of 32 bytes`, newest first, separated by white space or commas. Throws if one is invalid. */
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
    throw new Error('PAYOUT_KEYS has two keys with the same id; each key needs an id of its own')
  }
  return new Map(entries)
}

function keyIdOf(sealed: Buffer): string {
  return sealed.subarray(1, 1 + (sealed[0] ?? 0)).toString()
}
