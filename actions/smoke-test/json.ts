// JSON of an answer: read, asked by JSONPath, held against a JSON Schema. Regular expressions in all of them run in linear time.
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { FunctionExpressionType, JSONPathEnvironment, type JSONPathQuery, type JSONValue } from 'json-p3'
import { excerpt } from '../shared/report/text.ts'
import { mismatches, regex } from './matcher.ts'
import type { Matcher } from './suite.ts'

const paths = new JSONPathEnvironment({ maxRecursionDepth: 1000 })
const isIn = (part: boolean) => ({
  argTypes: [FunctionExpressionType.ValueType, FunctionExpressionType.ValueType],
  returnType: FunctionExpressionType.LogicalType,
  call: (text: unknown, pattern: unknown): boolean => {
    if (typeof text !== 'string' || typeof pattern !== 'string') return false
    return part ? regex(pattern).test(text) : regex(pattern).matches(text)
  },
})
paths.functionRegister.set('match', isIn(false))
paths.functionRegister.set('search', isIn(true))

/** A JSONPath, checked. Throws with the syntax error. */
export const compilePath = (path: string): JSONPathQuery => paths.compile(path)

/** What a path finds: one value or nothing for a path that can only find one, else a list. */
export function find(path: string, value: unknown): unknown {
  const query = compilePath(path)
  const values = query.query(value as JSONValue).values()
  return query.singularQuery() ? values[0] : values
}

/** What does not hold of `path: matcher` pairs. */
export const wrongPaths = (expected: Record<string, Matcher>, value: unknown): string[] =>
  Object.entries(expected).flatMap(([path, matcher]) => mismatches(matcher, find(path, value)).map((text) => `${path} ${text}`))

/** RE2 in the place of RegExp. ajv tells expressions apart by their text; `code` is for code that stands alone, which nobody asks for. */
const engine = Object.assign(
  (pattern: string) => ({ test: (text: string): boolean => regex(pattern).test(text), toString: (): string => `/${pattern}/` }),
  { code: 'regex' },
)
const ajv = new Ajv2020({ allErrors: true, strict: false, allowUnionTypes: true, validateFormats: true, code: { regExp: engine } })
addFormats.default(ajv)
const validators = new Map<string, ValidateFunction>()

/** A JSON Schema (2020-12), checked. Throws with what is wrong with it. */
export function compileSchema(schema: object): ValidateFunction {
  const key = JSON.stringify(schema)
  let found = validators.get(key)
  if (!found) {
    found = ajv.compile(schema)
    validators.set(key, found)
  }
  return found
}

/** What speaks against a schema, at most ten of it. */
export function wrongShape(schema: object, value: unknown): string[] {
  const validate = compileSchema(schema)
  if (validate(value)) return []
  return (validate.errors ?? []).slice(0, 10).map((e) => excerpt(`${e.instancePath || 'the body'} ${e.message ?? e.keyword}`, 200))
}
