import type { FastifyInstance, FastifySchema, FastifySchemaCompiler } from 'fastify'
import { Ajv } from 'ajv'
import { parseDateBound, parseInstant } from './instants.ts'

const email =
  /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?=.{1,190}$)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+$/

/** Validates without coercing, filling or removing anything in a body; parameters, being text, are converted first. */
export function useStrictValidation(app: FastifyInstance): void {
  const ajv = new Ajv({
    allErrors: true,
    strictTypes: false,
    multipleOfPrecision: 9,
    keywords: ['example'],
    formats: {
      email,
      'date-time': (text: string) => parseInstant(text) !== undefined,
      'date-or-date-time': (text: string) => parseDateBound(text) !== undefined,
    },
  })
  const compile: FastifySchemaCompiler<FastifySchema> = ({ schema, httpPart }) => {
    for (const [id, shared] of Object.entries(app.getSchemas())) {
      if (ajv.getSchema(id) === undefined) ajv.addSchema(shared as object, id)
    }
    const validate = ajv.compile(schema)
    if (httpPart !== 'querystring' && httpPart !== 'params') return validate
    const convert = converter(schema as ParameterSchema)
    return (data) => {
      convert(data)
      return validate(data) ? true : { error: validate.errors as never }
    }
  }
  app.setValidatorCompiler(compile)
}

interface ParameterSchema {
  readonly properties?: Readonly<Record<string, { readonly type?: string; readonly default?: unknown }>>
}

/** Turns the text of integers and booleans into values where it is their plain form, and fills defaults. */
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
