import type { ValidateFunction } from 'ajv'
import { describeFault } from '../http/fault-sentences.ts'
import { createAjv } from '../http/validation.ts'
import { bodies, namedSchemas } from './fields.ts'
import { type Kind, kinds } from './file-line.ts'

/** A fault of a body: a JSON pointer, and a sentence without the name of the field. */
export interface BodyFault {
  readonly pointer: string
  readonly detail: string
}

const ajv = createAjv(true)
for (const schema of namedSchemas) ajv.addSchema(schema, schema.$id)
const validators = Object.fromEntries(
  kinds.map((kind) => [kind, ajv.compile({ ...bodies[kind], $id: `import-${kind}` })]),
) as Readonly<Record<Kind, ValidateFunction>>

/** The faults of a body by the schemas of the OpenAPI document. */
export function checkBody(kind: Kind, body: object): readonly BodyFault[] {
  const validate = validators[kind]
  if (validate(body)) return []
  // Ajv does not know numbers that are kept as text; the service reads them.
  if (validate(JSON.parse(JSON.stringify(body)))) return []
  const faults = (validate.errors ?? []).map(({ instancePath, params, keyword }) => {
    const name = (params['missingProperty'] ?? params['additionalProperty']) as string | undefined
    return {
      pointer: name === undefined ? instancePath : `${instancePath}/${name}`,
      detail: `${describeFault({ keyword, params })}.`,
    }
  })
  // A text that breaks both its pattern and its format has one sentence for both.
  return [...new Map(faults.map((fault) => [JSON.stringify(fault), fault])).values()].slice(0, 10)
}
