import type { TSchema } from '@sinclair/typebox'
import * as deals from '../deals/schemas.ts'
import * as events from '../events/schemas.ts'
import * as partners from '../partners/schemas.ts'
import * as terms from '../record/terms-schemas.ts'
import * as refunds from '../refunds/schemas.ts'
import { type Kind, kinds } from './file-line.ts'

/** The schema of a field, as far as the import reads it. */
export interface FieldSchema {
  readonly type?: string | readonly string[]
  readonly format?: string
  readonly $ref?: string
  readonly properties?: Readonly<Record<string, FieldSchema>>
  readonly patternProperties?: Readonly<Record<string, FieldSchema>>
  readonly additionalProperties?: unknown
  readonly required?: readonly string[]
}

/** Every schema to which the bodies refer. */
export const namedSchemas: readonly TSchema[] = [partners, events, terms, deals, refunds]
  .flatMap((slice) => Object.values(slice) as unknown[])
  .filter((schema): schema is TSchema => typeof schema === 'object' && schema !== null && '$id' in schema)

/** The body that the service takes for each kind. */
export const bodies: Readonly<Record<Kind, FieldSchema>> = {
  partner: partners.NewPartner as FieldSchema,
  event: withoutKind(events.EventLine as FieldSchema),
  deal: deals.NewDeal as FieldSchema,
  refund: withoutKind(refunds.RefundLine as FieldSchema),
}

function withoutKind({ properties = {}, required = [], ...line }: FieldSchema): FieldSchema {
  const { kind: _, ...fields } = properties
  return { ...line, properties: fields, required: required.filter((name) => name !== 'kind') }
}

/** The schema of a field, or of a field inside of it. Undefined if there is no such field. */
export function findField(kind: Kind, path: readonly string[]): FieldSchema | undefined {
  return path.reduce<FieldSchema | undefined>(
    (schema, name) => (schema === undefined ? undefined : childOf(schema, name)),
    bodies[kind],
  )
}

function listFields(kind: Kind): readonly string[] {
  return Object.keys(bodies[kind].properties ?? {})
}

/** The fields without which the service takes no body. Every row has an id, so that it is recognised when it comes again. */
export function requiredFields(kind: Kind): readonly string[] {
  return [...new Set(['id', ...(bodies[kind].required ?? [])])]
}

/** Says which fields there are, for a sentence about one that does not exist. */
export function describeFields(among: readonly Kind[] = kinds): string {
  const lists = among.map((kind) => `the fields of ${withArticle(kind)} are ${listFields(kind).join(', ')}`)
  return lists.join('; ')
}

export function withArticle(kind: Kind): string {
  return kind === 'event' ? 'an event' : `a ${kind}`
}

function childOf(schema: FieldSchema, name: string): FieldSchema | undefined {
  const { properties = {}, patternProperties = {}, additionalProperties } = resolve(schema)
  if (Object.hasOwn(properties, name)) return resolve(properties[name] as FieldSchema)
  const pattern = Object.keys(patternProperties).find((source) => new RegExp(source, 'u').test(name))
  if (pattern !== undefined) return resolve(patternProperties[pattern] as FieldSchema)
  return additionalProperties === true ? {} : undefined
}

function resolve(schema: FieldSchema): FieldSchema {
  if (schema.$ref === undefined) return schema
  const id = schema.$ref.replace(/#$/, '')
  return namedSchemas.find(({ $id }) => $id === id) as FieldSchema
}
