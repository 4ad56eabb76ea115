import { type Fault, invalid } from '../errors.ts'
import { mergeObjects } from './merge-objects.ts'

type Metadata = Record<string, unknown> | null

const mostBytes = 16_384
const mostDepth = 16

/** What is wrong with a JSON object of the client; its place is `/metadata` under `pointer`. */
export function faultsOfMetadata(metadata: object | null | undefined, pointer = ''): Fault[] {
  if (metadata === undefined || metadata === null) return []
  const fault = (detail: string) => [{ pointer: `${pointer}/metadata`, detail }]
  if (Buffer.byteLength(JSON.stringify(metadata)) > mostBytes)
    return fault('The metadata is larger than 16 kB.')
  return depthOf(metadata) > mostDepth ? fault('The metadata is nested more than 16 levels deep.') : []
}

/** Errors: 400. */
export function checkMetadata(metadata: object | null | undefined): void {
  const faults = faultsOfMetadata(metadata)
  if (faults.length > 0) throw invalid(faults)
}

/** The object after a `PATCH`: what was sent over what is stored, deeply. Null removes it. */
export function mergeMetadata(stored: Metadata, sent: Metadata): Metadata {
  return stored === null || sent === null ? sent : mergeObjects(stored, sent)
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Object.values(value).reduce((deepest: number, item) => Math.max(deepest, depthOf(item)), 0)
}
