import { invalid } from '../errors.ts'
import type { PartnerRow } from './schemas.ts'
import type { Vault } from './vault.ts'

type Details = Readonly<Record<string, string>>
const mask = '******'

/** Masks details for answers: shows the end of each value, at most four characters and at most a third of it. */
export function maskDetails(details: Details): Record<string, string> {
  return Object.fromEntries(
    Object.entries(details).map(([name, value]) => {
      const characters = Array.from(value)
      const shown = Math.min(4, Math.floor(characters.length / 3))
      return [name, mask + characters.slice(characters.length - shown).join('')]
    }),
  )
}

export function isEmpty(details: Details): boolean {
  return Object.keys(details).length === 0
}

/** Errors: 400 if a value is masked. */
export function refuseMasked(details: Details): void {
  const faults = Object.entries(details)
    .filter(([, value]) => value.startsWith(mask))
    .map(([name]) => ({
      pointer: `/payout_details/${name}`,
      detail: 'This is the masked value; send the real one.',
    }))
  if (faults.length > 0) throw invalid(faults)
}

/** The details as they are stored. An empty object means none, which is null. */
export function sealDetails(vault: Vault, details: Details, partnerId: string): Buffer | null {
  if (isEmpty(details)) return null
  return vault.seal(Buffer.from(JSON.stringify(details)), partnerId)
}

export function openDetails(vault: Vault, sealed: Buffer, partnerId: string): Record<string, string> {
  return JSON.parse(vault.open(sealed, partnerId).toString()) as Record<string, string>
}

/** The names of the fields: all that the audit stores about payout details. */
export function namesOf(details: Details): { readonly fields: readonly string[] } {
  return { fields: Object.keys(details).toSorted() }
}

/** The field names of stored details; null without details or without their key, so that erasing works without the key. */
export function namesSealed(vault: Vault, { id, payout_details: sealed }: PartnerRow) {
  return sealed !== null && vault.canOpen(sealed) ? namesOf(openDetails(vault, sealed, id)) : null
}
