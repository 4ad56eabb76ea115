import { hash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

/** A new API key: `sk_`, 192 random bits, and a checksum, so that a mistyped key is refused without a query. */
export function generateApiKey(): string {
  const random = randomBytes(24).toString('base64url')
  return `sk_${random}${checksumOf(random)}`
}

/** The stored hash of a key. Plain SHA-256 is enough for 192 random bits. Undefined for text that cannot be a key. */
export function hashApiKey(key: string): Buffer | undefined {
  const [, random, checksum] = /^sk_([A-Za-z0-9_-]{32})([0-9a-f]{8})$/.exec(key) ?? []
  if (random === undefined || checksum !== checksumOf(random)) return undefined
  return hash('sha256', key, 'buffer')
}

function checksumOf(random: string): string {
  return crc32(random).toString(16).padStart(8, '0')
}
