import * as fc from 'fast-check'
import type { OpenAPIV3 } from 'openapi-types'
import { oversizedTextsOf } from './oversized-bodies.ts'
import { brokenSegments, brokenTextsOf, faultsOf, withFault } from './invalid-values.ts'
import type { ListedOperation } from './openapi-document.ts'
import { type Resolve, type Schema, valuesOf } from './valid-values.ts'

/** A request as the document describes it. */
interface Drawn {
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, unknown>>
  readonly body: unknown
}

/** A request as it is sent. */
export interface Sent {
  readonly path: string
  readonly search: string
  readonly body?: Buffer
  readonly headers: Readonly<Record<string, string>>
}

/** Valid requests for an operation. */
export function requestsOf(listed: ListedOperation, resolve: Resolve): fc.Arbitrary<Drawn> {
  const { schema, line } = bodyOf(listed, resolve)
  const values = (place: 'path' | 'query') => valuesOf(asSchema(parametersOf(listed, place)), resolve)
  return fc.record({
    params: values('path') as fc.Arbitrary<Drawn['params']>,
    query: values('query') as fc.Arbitrary<Drawn['query']>,
    body: schema === undefined ? fc.constant(undefined) : valuesOf(schema, resolve),
    ...(line && { body: fc.array(valuesOf(line, resolve), { maxLength: 4 }).map(toLines) }),
  })
}

export function toSent(listed: ListedOperation, resolve: Resolve, { params, query, body }: Drawn): Sent {
  const { type } = bodyOf(listed, resolve)
  const search = Object.entries(query).map(([name, value]): [string, string] => [name, String(value)])
  return {
    path: listed.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? '')),
    search: new URLSearchParams(search).toString(),
    ...(body !== undefined && { body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) }),
    headers: type === undefined ? {} : { 'content-type': type },
  }
}

/** Requests that are broken in one place. */
export function brokenRequestsOf(
  listed: ListedOperation,
  resolve: Resolve,
  drawn: Drawn,
): fc.Arbitrary<Sent> {
  const sent = toSent(listed, resolve, drawn)
  const { type, schema } = bodyOf(listed, resolve)
  const withHeader = (name: string, ...values: string[]) =>
    fc.constantFrom(...values).map((value) => ({ ...sent, headers: { ...sent.headers, [name]: value } }))
  const choices: fc.Arbitrary<Sent>[] = [
    withHeader('x-api-key', '', 'sk_', 'sk_\u00e9', 'x'.repeat(5000)),
    fc.constant({ ...sent, search: `${sent.search}&unknown=1` }),
  ]
  if (listed.path.includes('{'))
    choices.push(brokenSegments.map((id) => ({ ...sent, path: listed.path.replace(/\{\w+\}/g, id) })))
  if (parametersOf(listed, 'query').length > 0) choices.push(brokenQueriesOf(listed, resolve, drawn))
  if (takesIdempotencyKey(listed))
    choices.push(withHeader('idempotency-key', '', 'a b', 'é', 'x'.repeat(256), '""'))
  if (type !== undefined) {
    choices.push(
      withHeader('content-type', 'text/plain', 'application/xml', 'multipart/form-data; boundary=x', ''),
    )
    choices.push(withHeader('content-encoding', 'gzip', 'br', 'deflate'))
  }
  if (type === 'application/json' && schema !== undefined) {
    const faults = fc
      .constantFrom(...faultsOf(schema, drawn.body, resolve))
      .map((fault) => ({ ...sent, body: Buffer.from(JSON.stringify(withFault(drawn.body, fault))) }))
    const texts = brokenTextsOf(JSON.stringify(drawn.body)).map((body) => ({ ...sent, body }))
    choices.push(faults, faults, faults, texts)
    if (schema.required !== undefined) choices.push(fc.constant({ ...sent, body: Buffer.alloc(0) }))
  }
  return fc.oneof(...choices)
}

/** Requests with an oversized body; undefined for an operation without a body. */
export function oversizedRequestsOf(
  listed: ListedOperation,
  resolve: Resolve,
  drawn: Drawn,
): fc.Arbitrary<Sent> | undefined {
  const { schema, line } = bodyOf(listed, resolve)
  const sent = toSent(listed, resolve, drawn)
  if (schema === undefined) return undefined
  const texts = line
    ? fc.array(oversizedTextsOf(line, {}, resolve), { maxLength: 4 }).map((lines) => lines.join('\n'))
    : oversizedTextsOf(schema, drawn.body, resolve)
  // Print only the beginning of a counterexample.
  return texts.map((text) => ({
    ...sent,
    body: Buffer.from(text),
    [fc.toStringMethod]: () => `${text.slice(0, 200)}… of ${text.length} characters`,
  }))
}

function brokenQueriesOf(listed: ListedOperation, resolve: Resolve, drawn: Drawn): fc.Arbitrary<Sent> {
  const sent = toSent(listed, resolve, drawn)
  const parameters = parametersOf(listed, 'query')
  // Parameters are text, so only texts can be wrong.
  const faults = faultsOf(asSchema(parameters), drawn.query, resolve)
    .filter(({ path, value }) => path.length === 1 && typeof value === 'string' && value.isWellFormed())
    .filter(({ path: [name], value }) => {
      const { type } = resolve(parameters.find((one) => one.name === name)?.schema ?? {})
      return !(type === 'integer' && value === '1') && !(type === 'boolean' && value === 'true')
    })
    .map((fault) =>
      toSent(listed, resolve, { ...drawn, query: withFault(drawn.query, fault) as Drawn['query'] }),
    )
  const [first] = parameters
  const twice = { ...sent, search: `${first?.name}=1&${first?.name}=2` }
  return fc.constantFrom(twice, { ...sent, search: `${sent.search}&cursor=a&offset=0` }, ...faults)
}

function takesIdempotencyKey({ operation }: ListedOperation): boolean {
  return JSON.stringify(operation.parameters ?? []).includes('IdempotencyKey')
}

function parametersOf({ operation }: ListedOperation, place: 'path' | 'query'): OpenAPIV3.ParameterObject[] {
  const parameters = (operation.parameters ?? []) as OpenAPIV3.ParameterObject[]
  // The document does not describe the answers to deprecated parameters.
  return parameters.filter((parameter) => parameter.in === place && parameter.deprecated !== true)
}

function asSchema(parameters: readonly OpenAPIV3.ParameterObject[]): OpenAPIV3.SchemaObject {
  return {
    type: 'object',
    additionalProperties: false,
    required: parameters.filter(({ required }) => required).map(({ name }) => name),
    properties: Object.fromEntries(parameters.map(({ name, schema = {} }) => [name, schema])),
  }
}

interface Body {
  readonly type?: string
  readonly schema?: OpenAPIV3.SchemaObject
  /** The schema of each line of an NDJSON body. */
  readonly line?: Schema
}

function bodyOf({ operation }: ListedOperation, resolve: Resolve): Body {
  const content = (operation.requestBody as OpenAPIV3.RequestBodyObject | undefined)?.content ?? {}
  const [entry] = Object.entries(content)
  if (entry === undefined) return {}
  const schema = resolve(entry[1].schema ?? {})
  return { type: entry[0], schema, ...('x-line' in schema && { line: schema['x-line'] as Schema }) }
}

function toLines(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('')
}
