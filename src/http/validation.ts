import type { FastifyInstance, FastifySchema, FastifySchemaCompiler } from 'fastify'
import { _, Ajv, type AnySchemaObject, type FuncKeywordDefinition, type ValidateFunction } from 'ajv'
import type { DataValidateFunction } from 'ajv/dist/types/index.js'
import { canonicalJson } from '../values/canonical-json.ts'
import { Strict } from '../values/schemas.ts'
import { formats } from './formats.ts'

// With more items or members than this, Ajv takes minutes to list every fault: the cost grows with their square.
const mostExplained = 1000
const mostUnknown = 10

// `multipleOf: 0.0001` would not do: most validators divide, and doubles are not exact multiples, so clients that validate
// answers would refuse ours.
const decimals: FuncKeywordDefinition = {
  keyword: 'x-decimals',
  type: 'number',
  schemaType: 'number',
  error: { message: 'has too many decimals', params: ({ schemaCode }) => _`{ most: ${schemaCode} }` },
  validate: (most: number, value: number) => Number(value.toFixed(most)) === value,
}

/**
 * `additionalProperties: false` that lists at most 10 unknown properties of an object, with the pattern of the known names. That
 * of Ajv lists all.
 */
const fewUnknown: FuncKeywordDefinition = {
  keyword: 'additionalProperties',
  type: 'object',
  schemaType: 'boolean',
  compile(isOpen: boolean, { properties = {}, patternProperties = {} }: AnySchemaObject) {
    const sources = Object.keys(patternProperties as object)
    const patterns = sources.map((pattern) => new RegExp(pattern, 'u'))
    const isKnown = (name: string) =>
      Object.hasOwn(properties as object, name) || patterns.some((pattern) => pattern.test(name))
    const check: DataValidateFunction = (data: object) => {
      if (isOpen) return true
      const unknown: string[] = []
      for (const name of Object.keys(data)) {
        if (!isKnown(name)) unknown.push(name)
        if (unknown.length === mostUnknown) break
      }
      check.errors = unknown.map((additionalProperty) => ({
        keyword: 'additionalProperties',
        message: 'must NOT have additional properties',
        params: { additionalProperty, pattern: sources[0] },
      }))
      return unknown.length === 0
    }
    return check
  },
}

/** `uniqueItems` in linear time. That of Ajv compares each item with all others if it does not know their type. */
const linearUnique: FuncKeywordDefinition = {
  keyword: 'uniqueItems',
  type: 'array',
  schemaType: 'boolean',
  error: { message: 'must NOT have duplicate items' },
  validate: (isUnique: boolean, items: readonly unknown[]) =>
    !isUnique || new Set(items.map(canonicalJson)).size === items.length,
}

/** Validates bodies as they are: nothing is coerced, filled in or removed. Parameters are text and are converted first. */
export function useStrictValidation(app: FastifyInstance): void {
  const [first, every] = [createAjv(false), createAjv(true)]
  const compile: FastifySchemaCompiler<FastifySchema> = ({ schema, httpPart }) => {
    for (const ajv of [first, every]) addSchemas(ajv, app.getSchemas())
    const validate = first.compile(schema)
    let explain: ValidateFunction | undefined
    const isParameters = httpPart === 'querystring' || httpPart === 'params'
    const convert = isParameters ? converter(schema as ParameterSchema) : () => {}
    return (data) => {
      convert(data)
      if (validate(data)) return true
      if (isLarge(data)) return { error: validate.errors as never }
      // Compiled at the first invalid request, because most schemas never see one.
      explain ??= every.compile(schema)
      explain(data)
      return { error: explain.errors as never }
    }
  }
  app.setValidatorCompiler(compile)
}

/** Makes the routes of this part of the app that have no query parameters refuse all, so that a misspelt one is noticed. */
export function refuseUnknownParameters(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    route.schema = { querystring: Strict({}), ...route.schema }
  })
}

/** An Ajv that coerces nothing. It stops at the first fault, or lists all. */
export function createAjv(allErrors: boolean): Ajv {
  const ajv = new Ajv({
    allErrors,
    // The other instance checks the schemas. This one cannot: our `additionalProperties` does not accept the meta-schema.
    ...(allErrors && { meta: false, validateSchema: false }),
    strictTypes: false,
    keywords: ['example', decimals],
    formats: Object.fromEntries(Object.entries(formats).map(([name, { accepts }]) => [name, accepts])),
  })
  ajv.removeKeyword('uniqueItems').addKeyword(linearUnique)
  if (allErrors) ajv.removeKeyword('additionalProperties').addKeyword(fewUnknown)
  return ajv
}

function addSchemas(ajv: Ajv, schemas: Readonly<Record<string, unknown>>): void {
  for (const [id, shared] of Object.entries(schemas)) {
    if (ajv.schemas[id] === undefined) ajv.addSchema(shared as object, id)
  }
}

function isLarge(data: unknown): boolean {
  return Object.values(data ?? {}).some((value: unknown) => {
    if (typeof value !== 'object' || value === null) return false
    return (Array.isArray(value) ? value.length : Object.keys(value).length) > mostExplained
  })
}

interface ParameterSchema {
  readonly properties?: Readonly<Record<string, { readonly type?: string; readonly default?: unknown }>>
}

/** Converts the text of integers and booleans in their plain form, and fills in defaults. */
function converter({ properties = {} }: ParameterSchema): (data: Record<string, unknown>) => void {
  const entries = Object.entries(properties)
  return (data) => {
    for (const [name, { type, default: standard }] of entries) {
      const text = data[name]
      if (text === undefined && standard !== undefined) data[name] = standard
      if (typeof text !== 'string') continue
      if (type === 'integer' && /^-?\d{1,15}$/.test(text)) data[name] = Number(text)
      if (type === 'boolean' && /^(?:true|false)$/.test(text)) data[name] = text === 'true'
    }
  }
}
