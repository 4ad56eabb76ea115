import { STATUS_CODES } from 'node:http'
import type { OpenAPIV3 } from 'openapi-types'
import t from 'tap'
import examples from '../../src/openapi/examples.json' with { type: 'json' }
import type { Operation } from '../../src/openapi/contract.ts'
import { errorCodes, type Problem } from '../../src/values/problem.ts'
import { listOperations, readDocument } from '../support/openapi-document.ts'

type Node = Readonly<Record<string, unknown>>

const document = await readDocument(t)
const components = Object.entries(document.components?.schemas ?? {})

t.test('every operation has a summary, a description, one tag and an example', (t) => {
  for (const { id, operation } of listOperations(document)) {
    const { summary, description, tags } = operation
    t.match({ id, summary, description }, { id: /^[a-z]\w+$/, summary: /^[A-Z]/, description: /^[A-Z]/ })
    t.equal(tags?.length, 1, `${id} has one tag`)
    t.ok(id in examples, `src/openapi/examples.json has an example of ${id}`)
  }
  t.end()
})

t.test('every request body and every success shows a recorded example', (t) => {
  for (const { id, operation } of listOperations(document)) {
    const successes = Object.entries(operation.responses).filter(([status]) => Number(status) < 400)
    for (const [place, part] of [['body', operation.requestBody] as const, ...successes]) {
      for (const { example } of contentsOf(part)) t.ok(example, `${id} ${place} has an example`)
    }
  }
  t.end()
})

t.test('the examples are about one partner, one deal, one event and one currency', (t) => {
  const story: Node = { partnerId: 'p1', dealId: 'deal-123', currency: 'USD', deal_id: 'deal-123' }
  visit(examples, '', (node, path) => {
    for (const [name, value] of Object.entries(story)) {
      if (name in node && node[name] !== 'p1-old') t.equal(node[name], value, `${path} ${name}`)
    }
    if (node['partner_id'] === 'p1' && 'partner_name' in node) t.equal(node['partner_name'], 'Alice', path)
  })
  t.end()
})

t.test('every refusal shows a problem of each code of its status, with that status and its title', (t) => {
  const codes: unknown[] = []
  for (const { id, operation } of listOperations(document)) {
    for (const status of Object.keys(operation.responses).map(Number)) {
      if (status < 400) continue
      const [content] = contentsOf(resolveResponse(operation.responses[status]))
      const problems = Object.entries(content?.examples ?? {}) as [string, { value: Problem }][]
      t.ok(problems.length > 0, `${id} ${status} has an example`)
      for (const [code, { value }] of problems) {
        t.match(value, {
          code,
          status,
          title: STATUS_CODES[status],
          type: `/docs/errors#${code}`,
          detail: /^[A-Z][^%]+\.$/,
        })
        codes.push(code)
      }
    }
  }

  // No operation declares these: they are answered before a route is found.
  const unrouted = ['route_not_found', 'headers_too_large']
  t.strictSame(new Set([...codes, ...unrouted]), new Set(errorCodes), 'see src/openapi/problem-examples.ts')
  t.end()
})

t.test('every parameter has a description', (t) => {
  for (const { id, operation } of listOperations(document)) {
    for (const parameter of (operation.parameters ?? []) as OpenAPIV3.ParameterObject[]) {
      if (!('$ref' in parameter)) t.match(parameter.description, /^[A-Z].*\.$/, `${id} ${parameter.name}`)
    }
  }
  t.end()
})

t.test('fields with a rule have a description', (t) => {
  const ruled = [
    'amount',
    'cached',
    'calculated_at',
    'close_grace_minutes',
    'closed_date',
    'currency',
    'lookback_days',
    'metadata',
    'payout',
    'timestamp',
    'total_amount',
    'unattributed',
    'version',
  ]
  for (const name of ['Attribution', 'Deal', 'Event', 'ModelParameters', 'NewDeal', 'NewEvent', 'Share']) {
    const schema = document.components?.schemas?.[name] as OpenAPIV3.SchemaObject | undefined
    for (const [field, property] of Object.entries(schema?.properties ?? {})) {
      if (ruled.includes(field)) t.match(property, { description: /^\S.+\.$/ }, `${name}.${field}`)
    }
  }
  t.end()
})

t.test('CSV has a path of its own: no operation answers in two content types', (t) => {
  for (const { id, path, operation } of listOperations(document)) {
    const types = Object.values(operation.responses).flatMap((part) =>
      Object.keys(('content' in part && part.content) || {}),
    )
    t.equal(new Set(types).size, 1, id)
    t.equal(types.includes('text/csv'), path.endsWith('.csv'), id)
  }
  t.end()
})

t.test('servers are relative to the document, so that a path prefix is kept', (t) => {
  for (const { url } of document.servers ?? []) {
    t.equal(new URL(url, 'https://host.example/api/docs/json').href, 'https://host.example/api/')
    t.equal(new URL(url, 'https://host.example/docs/json').href, 'https://host.example/')
  }
  t.equal(document.servers?.length, 1)
  t.end()
})

t.test('every object and every enum in a request or an answer is a named component', (t) => {
  const anonymous = [
    ...components.flatMap(([name, schema]) =>
      childrenOf(schema as Node).flatMap((child) => findAnonymous(child, name)),
    ),
    ...listOperations(document).flatMap(({ id, operation }) =>
      schemasOf(operation).flatMap((schema) => findAnonymous(schema, id)),
    ),
  ]

  t.strictSame(anonymous, [], 'give it an $id, export it from a schemas.ts, and use ref(…)')
  t.end()
})

t.test('no two components are identical', (t) => {
  const texts = components.map(([, schema]) => JSON.stringify({ ...schema, description: '' }))

  t.strictSame(
    components.filter((_, index) => texts.indexOf(texts[index] ?? '') !== index).map(([name]) => name),
    [],
  )
  t.end()
})

t.test('the document uses no keyword newer than OpenAPI 3.0.3', (t) => {
  const faults: string[] = []
  visit(document as unknown as Node, '', (node, path) => {
    if ('$ref' in node && Object.keys(node).length > 1) faults.push(`${path}: $ref has siblings`)
    for (const word of ['const', 'patternProperties', '$id', '$schema']) {
      if (word in node) faults.push(`${path}: ${word}`)
    }
    // Media types may have them, schemas not.
    if ('examples' in node && !('schema' in node)) faults.push(`${path}: examples`)
    if (Array.isArray(node['type']) || node['type'] === 'null') faults.push(`${path}: type`)
    if (typeof node['exclusiveMinimum'] === 'number') faults.push(`${path}: exclusiveMinimum`)
    if (node['nullable'] === true && !('type' in node)) faults.push(`${path}: nullable without a type`)
  })

  t.strictSame(faults, [])
  t.end()
})

t.test('every error response is shared by its status, and every code of errors.ts is listed', (t) => {
  for (const { id, operation } of listOperations(document)) {
    for (const [status, response] of Object.entries(operation.responses)) {
      if (Number(status) >= 400) t.match(response, { $ref: /^#\/components\/responses\// }, `${id} ${status}`)
    }
  }
  t.match(document.components?.schemas?.['ProblemCode'], { enum: errorCodes })
  t.end()
})

function schemasOf({ requestBody, responses, parameters = [] }: Operation): Node[] {
  const contents = [requestBody, ...Object.values(responses)].flatMap(contentsOf)
  return [...contents, ...parameters].flatMap((part) =>
    'schema' in part && part.schema ? [part.schema as Node] : [],
  )
}

function contentsOf(part: object | undefined): OpenAPIV3.MediaTypeObject[] {
  return part !== undefined && 'content' in part ? Object.values(part.content ?? {}) : []
}

function resolveResponse(response: Operation['responses'][string] | undefined): object | undefined {
  if (response === undefined || !('$ref' in response)) return response
  return document.components?.responses?.[response.$ref.replace(/.*\//, '')]
}

function findAnonymous(schema: Node, place: string): string[] {
  const isObject = schema['properties'] !== undefined
  const isEnum = Array.isArray(schema['enum']) && schema['enum'].length > 1
  const found = isObject || isEnum ? [`${place}: ${JSON.stringify(schema).slice(0, 80)}`] : []
  return [...found, ...childrenOf(schema).flatMap((child) => findAnonymous(child, place))]
}

function childrenOf({ properties = {}, items, additionalProperties, allOf, anyOf, oneOf }: Node): Node[] {
  return [...Object.values(properties as Node), items, additionalProperties, allOf, anyOf, oneOf]
    .flat()
    .filter((child) => typeof child === 'object' && child !== null) as Node[]
}

function visit(node: Node, path: string, look: (node: Node, path: string) => void): void {
  look(node, path)
  for (const [name, child] of Object.entries(node)) {
    // Names of fields and of examples are not keywords.
    if (name === 'example' || name === 'examples') continue
    if (typeof child !== 'object' || child === null) continue
    const children = name === 'properties' ? Object.entries(child as Node) : [[name, child] as const]
    for (const [key, value] of children) {
      if (typeof value === 'object' && value !== null) visit(value as Node, `${path}/${key}`, look)
    }
  }
}
