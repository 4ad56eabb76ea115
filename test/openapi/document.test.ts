import t from 'tap'
import examples from '../../src/openapi/examples.json' with { type: 'json' }
import type { Operation } from '../../src/openapi/contract.ts'
import { errorCodes } from '../../src/values/problem.ts'
import { listOperations, readDocument } from '../support/document.ts'

type Node = Readonly<Record<string, unknown>>

const document = await readDocument(t)
const components = Object.entries(document.components?.schemas ?? {})

t.test('every operation says what it is, and shows a request and its answer', (t) => {
  for (const { id, operation } of listOperations(document)) {
    const { summary, description, tags } = operation
    t.match({ id, summary, description }, { id: /^[a-z]\w+$/, summary: /^[A-Z]/, description: /^[A-Z]/ })
    t.equal(tags?.length, 1, `${id} has one tag`)
    t.ok(id in examples, `src/openapi/examples.json has an example of ${id}`)
  }
  t.end()
})

t.test('every object and every enum is a component: in an answer or a body none is anonymous', (t) => {
  const anonymous = [
    ...components.flatMap(([name, schema]) =>
      childrenOf(schema as Node).flatMap((child) => findAnonymous(child, name)),
    ),
    ...listOperations(document).flatMap(({ id, operation }) =>
      schemasOf(operation).flatMap((schema) => findAnonymous(schema, id)),
    ),
  ]

  t.strictSame(anonymous, [], 'give it an $id, export it from a schemas.ts, and say ref(…)')
  t.end()
})

t.test('no two components are the same', (t) => {
  const texts = components.map(([, schema]) => JSON.stringify({ ...schema, description: '' }))

  t.strictSame(
    components.filter((_, index) => texts.indexOf(texts[index] ?? '') !== index).map(([name]) => name),
    [],
  )
  t.end()
})

t.test('nothing in it is of a later OpenAPI than 3.0.3', (t) => {
  const faults: string[] = []
  visit(document as unknown as Node, '', (node, path) => {
    if ('$ref' in node && Object.keys(node).length > 1) faults.push(`${path}: $ref has siblings`)
    for (const word of ['const', 'patternProperties', '$id', 'examples', '$schema']) {
      if (word in node) faults.push(`${path}: ${word}`)
    }
    if (Array.isArray(node['type']) || node['type'] === 'null') faults.push(`${path}: type`)
    if (typeof node['exclusiveMinimum'] === 'number') faults.push(`${path}: exclusiveMinimum`)
    if (node['nullable'] === true && !('type' in node)) faults.push(`${path}: nullable without a type`)
  })

  t.strictSame(faults, [])
  t.end()
})

t.test('every failure is the shared one of its status, and every code of errors.ts is listed', (t) => {
  for (const { id, operation } of listOperations(document)) {
    for (const [status, response] of Object.entries(operation.responses)) {
      if (Number(status) >= 400) t.match(response, { $ref: /^#\/components\/responses\// }, `${id} ${status}`)
    }
  }
  t.match(document.components?.schemas?.['ProblemCode'], { enum: errorCodes })
  t.end()
})

function schemasOf({ requestBody, responses, parameters = [] }: Operation): Node[] {
  const contents = [requestBody, ...Object.values(responses)].flatMap((part) =>
    part !== undefined && 'content' in part ? Object.values(part.content ?? {}) : [],
  )
  return [...contents, ...parameters].flatMap((part) =>
    'schema' in part && part.schema ? [part.schema as Node] : [],
  )
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
    // What a field or an example is called is no keyword.
    if (name === 'example') continue
    if (typeof child !== 'object' || child === null) continue
    const children = name === 'properties' ? Object.entries(child as Node) : [[name, child] as const]
    for (const [key, value] of children) {
      if (typeof value === 'object' && value !== null) visit(value as Node, `${path}/${key}`, look)
    }
  }
}
