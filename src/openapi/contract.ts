import type { OpenAPIV3 } from 'openapi-types'
import { headers, idempotencyKey, problemResponse, problemResponses } from './components.ts'

/** A request that a client can send as it stands, in the order of the file, and what it is answered. */
export interface Example {
  readonly params?: Readonly<Record<string, unknown>>
  readonly query?: Readonly<Record<string, unknown>>
  readonly body?: unknown
  readonly status: number
  readonly answer: unknown
  /** The answer when the same submission is sent again: 200 instead of 201. */
  readonly again?: unknown
}
/** An example for each operation, by its operationId. */
export type Examples = Readonly<Record<string, Example>>

/** `x-scope` is what the routes say of themselves; the rest of an operation is OpenAPI's. */
export type Operation = OpenAPIV3.OperationObject<{ 'x-scope'?: string }>

const methods = ['get', 'post', 'put', 'patch', 'delete'] as const

/** Adds to every operation the headers, refusals and idempotency of its kind, and its example. */
export function completeContract(document: OpenAPIV3.Document, examples: Examples): OpenAPIV3.Document {
  const { schemas = {}, ...components } = document.components ?? {}
  const paths = Object.entries(document.paths).map(([path, item = {}]) => {
    const operations = methods.flatMap((method) => {
      const operation = item[method]
      return operation === undefined
        ? []
        : [[method, complete(method, operation, { examples, schemas })] as const]
    })
    return [path, Object.fromEntries(operations)] as const
  })
  return {
    ...document,
    paths: Object.fromEntries(paths),
    components: {
      ...components,
      parameters: { IdempotencyKey: idempotencyKey },
      headers,
      responses: problemResponses,
      schemas: Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1))),
    },
  }
}

interface Context {
  readonly examples: Examples
  readonly schemas: NonNullable<OpenAPIV3.ComponentsObject['schemas']>
}

function complete(method: string, operation: Operation, { examples, schemas }: Context): Operation {
  const { operationId = '', description = '', parameters = [], requestBody, responses } = operation
  const scope = operation['x-scope']
  const takesKey = isIdempotent(method, operation)
  const example = examples[operationId]
  const hasBody = requestBody !== undefined
  const refusals = [
    ...(takesKey ? [409] : []),
    ...(takesKey && hasBody ? [422] : []),
    // A body that an operation has no use for is read all the same.
    ...(method === 'get' ? [] : [415]),
    ...(method === 'get' || (hasBody && !isJson(requestBody)) ? [] : [413]),
  ]
  const statuses = new Set([...Object.keys(responses).map(Number), ...refusals])
  const answers = [...statuses]
    .sort((a, b) => a - b)
    .map((status) => {
      const success = responses[status] as OpenAPIV3.ResponseObject | undefined
      return [
        status,
        status < 400 && success
          ? toSuccess(status, success, { takesKey, statuses, example })
          : problemResponse(status),
      ] as const
    })
  const allParameters = [
    ...parameters.map((parameter) =>
      withExample(describeByReference(parameter as OpenAPIV3.ParameterObject, schemas), example),
    ),
    ...(takesKey ? [{ $ref: '#/components/parameters/IdempotencyKey' }] : []),
  ]
  return {
    ...operation,
    description: scope === undefined ? description : `${description}\n\nScope: \`${scope}\`.`,
    ...(allParameters.length > 0 && { parameters: allParameters }),
    ...(requestBody && { requestBody: withBody(requestBody as OpenAPIV3.RequestBodyObject, example?.body) }),
    responses: Object.fromEntries(answers),
  }
}

/** Whether the operation keeps its answer for an Idempotency-Key: a write does, unless its body is a stream. */
function isIdempotent(method: string, { requestBody, 'x-scope': scope }: Operation): boolean {
  if (method === 'get' || method === 'delete') return false
  return (requestBody === undefined || isJson(requestBody)) && scope !== undefined && scope !== 'read'
}

function isJson(body: object): boolean {
  return 'application/json' in (body as OpenAPIV3.RequestBodyObject).content
}

interface Success {
  readonly takesKey: boolean
  readonly statuses: ReadonlySet<number>
  readonly example: Example | undefined
}

function toSuccess(
  status: number,
  { headers: own = {}, content = {} }: OpenAPIV3.ResponseObject,
  { takesKey, statuses, example }: Success,
): OpenAPIV3.ResponseObject {
  const isAgain = status === 200 && statuses.has(201)
  const names = [
    'X-Request-Id',
    'RateLimit-Limit',
    'RateLimit-Remaining',
    'RateLimit-Reset',
    ...(takesKey ? ['Idempotency-Replayed'] : []),
  ]
  // A `PUT` answers with the same object, whether it made it or not.
  const isAnswered = example?.status === status || (status === 201 && example?.status === 200)
  const shown = isAnswered ? example.answer : isAgain ? example?.again : undefined
  const media = Object.entries(content).map(([type, value]) => [
    type,
    shown === undefined ? value : { ...value, example: shown },
  ])
  return {
    description: isAgain
      ? 'It was there already; this is its current state.'
      : status === 201
        ? 'Created.'
        : 'Success.',
    headers: {
      ...own,
      ...Object.fromEntries(
        names.map((name) => [name, { $ref: `#/components/headers/${name.replaceAll('-', '')}` }]),
      ),
    },
    content: Object.fromEntries(media) as NonNullable<OpenAPIV3.ResponseObject['content']>,
  }
}

/** A parameter whose schema is a reference is described by that schema: a reference has no place for a description. */
function describeByReference(
  parameter: OpenAPIV3.ParameterObject,
  schemas: Context['schemas'],
): OpenAPIV3.ParameterObject {
  const { schema } = parameter
  if (schema === undefined || !('$ref' in schema)) return parameter
  const found = schemas[schema.$ref.replace('#/components/schemas/', '')]
  if (found === undefined || '$ref' in found) return parameter
  const { description, deprecated } = found
  return { ...parameter, ...(description && { description }), ...(deprecated && { deprecated }) }
}

function withExample(parameter: OpenAPIV3.ParameterObject, example?: Example): OpenAPIV3.ParameterObject {
  const values = parameter.in === 'path' ? example?.params : example?.query
  const value = values?.[parameter.name]
  return value === undefined ? parameter : { ...parameter, example: value }
}

function withBody(body: OpenAPIV3.RequestBodyObject, example: unknown): OpenAPIV3.RequestBodyObject {
  if (example === undefined) return body
  const media = Object.entries(body.content).map(([type, value]) => [type, { ...value, example }])
  return { ...body, content: Object.fromEntries(media) as OpenAPIV3.RequestBodyObject['content'] }
}
