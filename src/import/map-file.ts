import { existsSync, readFileSync } from 'node:fs'
import { type Static, Type } from '@sinclair/typebox'
import { Ajv } from 'ajv'
import { describeFault } from '../http/fault-sentences.ts'
import { Strict } from '../values/schemas.ts'
import hubspotDeals from './maps/hubspot-deals.json' with { type: 'json' }
import salesforceOpportunities from './maps/salesforce-opportunities.json' with { type: 'json' }

const texts = Type.Record(Type.String(), Type.String())

/** A file of `--map-file`: how the rows of one kind of export become rows of the service. */
const MapFile = Strict({
  kind: Type.Optional(Type.String()),
  map: Type.Optional(texts),
  set: Type.Optional(texts),
  only: Type.Optional(Type.Record(Type.String(), Type.Array(Type.String()))),
  values: Type.Optional(Type.Record(Type.String(), texts)),
  date_formats: Type.Optional(Type.Array(Type.String())),
  decimal_comma: Type.Optional(Type.Boolean()),
})
export type MapFile = Static<typeof MapFile>

const shipped: Readonly<Record<string, MapFile>> = {
  'hubspot-deals': hubspotDeals,
  'salesforce-opportunities': salesforceOpportunities,
}
export const shippedMaps = Object.keys(shipped)

const validate = new Ajv().compile<MapFile>(MapFile)

/** Reads a file of mappings, or one that comes with the service by its name. Throws if it is not valid. */
export function readMapFile(name: string, resolve: (file: string) => string): MapFile {
  const known = shipped[name]
  if (known !== undefined) return known
  const file = resolve(name)
  if (!existsSync(file))
    throw new Error(`There is no map file ${name}. Those of the service: ${shippedMaps.join(', ')}.`)
  const content = parse(name, readFileSync(file, 'utf8'))
  if (validate(content)) return content
  const [fault] = validate.errors ?? []
  const names = Object.keys(MapFile.properties).join(', ')
  const key = fault?.params['additionalProperty'] as string | undefined
  if (key !== undefined)
    throw new Error(`The map file ${name} has no entry ${key}; its entries are ${names}.`)
  throw new Error(`The map file ${name}: ${fault?.instancePath} ${fault && describeFault(fault)}.`)
}

function parse(name: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Error(`The map file ${name} is not valid JSON:`, { cause })
  }
}
