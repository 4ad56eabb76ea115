import { hash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

/** A new secret: `sk_`, 192 random bits, and a checksum by which a mistyped key is known without a query. */
export function generateApiKey(): string {
  const random = randomBytes(24).toString('base64url')
  return `sk_${random}${checksumOf(random)}`
}

/** What is stored of a key: SHA-256, enough for 192 random bits; undefined for text that cannot be a key. */
export function hashApiKey(key: string): Buffer | undefined {
  const [, random, checksum] = /^sk_([A-Za-z0-9_-]{32})([0-9a-f]{8})$/.exec(key) ?? []
  if (random === undefined || checksum !== checksumOf(random)) return undefined
  return hash('sha256', key, 'buffer')
}

function checksumOf(random: string): string {
  return crc32(random).toString(16).padStart(8, '0')
}
