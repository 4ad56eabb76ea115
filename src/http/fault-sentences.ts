import type { FastifySchemaValidationError } from 'fastify'
import { patternSentences } from '../values/schemas.ts'
import { formats } from './formats.ts'

type Parameters = Readonly<Record<string, unknown>>

const types: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
  null: 'null',
}

const numbers = new Intl.NumberFormat('en-US', { maximumFractionDigits: 20 })

/** What a value that breaks a keyword of its schema must be, as the end of a sentence. */
const sentences: Readonly<Record<string, (parameters: Parameters) => string>> = {
  type: ({ type }) => mustBeOfType([type].flat()),
  enum: ({ allowedValues }) => mustBeOneOf(allowedValues as readonly unknown[]),
  required: () => 'is required',
  additionalProperties: ({ pattern }) => patternSentences.get(String(pattern)) ?? 'is unknown',
  minimum: ({ limit }) => `must be at least ${numbers.format(Number(limit))}`,
  maximum: ({ limit }) => `must be at most ${numbers.format(Number(limit))}`,
  'x-decimals': ({ most }) => `must have ${atMost(most, 'decimal')}`,
  minLength: ({ limit }) => `must have ${atLeast(limit, 'character')}`,
  maxLength: ({ limit }) => `must have ${atMost(limit, 'character')}`,
  pattern: ({ pattern }) => patternSentences.get(String(pattern)) ?? 'is not valid',
  format: ({ format }) => formats[format as keyof typeof formats].wanted,
  minItems: ({ limit }) => `must have ${atLeast(limit, 'item')}`,
  maxItems: ({ limit }) => `must have ${atMost(limit, 'item')}`,
  uniqueItems: () => 'must not have an item twice',
  minProperties: ({ limit }) => `must have ${atLeast(limit, 'field')}`,
  maxProperties: ({ limit }) => `must have ${atMost(limit, 'field')}`,
}

/** The end of a sentence about a fault that Ajv found, such as `must be a number`. It does not name the field. */
export function describeFault({
  keyword,
  params,
}: Pick<FastifySchemaValidationError, 'keyword' | 'params'>): string {
  return sentences[keyword]?.(params) ?? 'is not valid'
}

function mustBeOfType(names: readonly unknown[]): string {
  return `must be ${names.map((name) => types[String(name)]).join(' or ')}`
}

function mustBeOneOf(values: readonly unknown[]): string {
  const [only, ...others] = values.map(String)
  return others.length === 0 ? `must be ${only}` : `must be one of ${[only, ...others].join(', ')}`
}

function atLeast(limit: unknown, noun: string): string {
  return `at least ${count(limit, noun)}`
}

function atMost(limit: unknown, noun: string): string {
  return `at most ${count(limit, noun)}`
}

function count(limit: unknown, noun: string): string {
  return `${numbers.format(Number(limit))} ${noun}${limit === 1 ? '' : 's'}`
}
