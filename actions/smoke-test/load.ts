// A suite's text becomes checks that can be run: everything that could be wrong with it is found here, with its line.
import { messageOf } from '../shared/text/errors.ts'
import { type Wrong, wrongs, wrongText } from '../shared/text/issues.ts'
import { readOneYaml, type YamlDocument, YamlError } from '../shared/text/yaml.ts'
import { compilePath, compileSchema } from './json.ts'
import { regex } from './matcher.ts'
import { type CheckSpec, type Connection, type Head, headSchema, type Kind, kinds } from './suite.ts'
import { readAddress, readTarget, type Target } from './targets.ts'
import { namesWithin, type Values } from './template.ts'

export interface Check {
  spec: CheckSpec
  kind: Kind
  /** Where it stands in the file. */
  line: number
  /** The checks that it waits for: those that it needs, and those whose captures it uses. */
  after: string[]
}

export interface Suite {
  head: Omit<Head, 'checks'>
  checks: Check[]
  target: Target | undefined
  variables: Values
  /** What the files hold that the suite names. */
  files: ReadonlyMap<string, string>
}

export interface Problem {
  line: number
  message: string
}

/** Everything that is wrong with a suite, by line. */
export class SuiteError extends Error {
  readonly problems: readonly Problem[]
  constructor(file: string, problems: readonly Problem[]) {
    super(problems.map(({ line, message }) => `${file}:${line}: ${message}`).join('\n'))
    this.name = 'SuiteError'
    this.problems = problems
  }
}

export interface LoadOptions {
  /** As messages name it. */
  file: string
  /** Instead of the suite's own. */
  target?: string | undefined
  /** Over the suite's own. */
  variables?: Record<string, unknown>
  /** The version that has to answer; undefined leaves the block `version` alone. */
  expectVersion?: string | undefined
  /** Reads a file that the suite names, relative to it. Throws with why it cannot. */
  read: (path: string) => string
}

/** The name of the check that the block `version` stands for. */
export const VERSION_CHECK = 'version'

/** Reads a suite. Throws a SuiteError. */
export function loadSuite(text: string, options: LoadOptions): Suite {
  const fail = (problems: Problem[]): never => {
    throw new SuiteError(options.file, problems)
  }
  const document = parse(text, fail)
  const lineOf = (path: readonly PropertyKey[]): number => document.placeOf(path).line
  const head = headSchema.safeParse(document.value ?? {})
  if (!head.success) return fail(wrongs(head.error.issues).map((one) => ({ line: lineOf(one.path), message: wrongText(one) })))
  const problems: Problem[] = []
  const parsed = head.data.checks.flatMap((raw, at): Check[] => {
    const result = readCheck(raw)
    if ('wrong' in result) {
      problems.push(...result.wrong.map((one) => ({ line: lineOf(['checks', at, ...one.path]), message: wrongText(one) })))
      return []
    }
    return [{ ...result, line: lineOf(['checks', at]), after: [] }]
  })
  const version = versionCheck(head.data, options.expectVersion)
  if (typeof version === 'string') problems.push({ line: lineOf(['version']), message: version })
  else if (version) {
    const gate = { ...version, line: lineOf(['version']), after: [] }
    for (const { spec } of parsed) spec.needs = [...new Set([...spec.needs, VERSION_CHECK])]
    parsed.unshift(gate)
  }
  if (head.data.checks.length === 0 && problems.length === 0) problems.push({ line: 1, message: 'checks: a suite has at least one check' })
  const variables = new Map(
    Object.entries({ ...head.data.variables, ...options.variables }).map(([k, value]) => [k, { value, captured: false }]),
  )
  const files = new Map<string, string>()
  const where = withTarget(options.target ?? head.data.target, problems)
  if (problems.length === 0)
    problems.push(...order(parsed, variables), ...parsed.flatMap((check) => examine(check, where, head.data, options, files)))
  if (problems.length) return fail(problems.toSorted((a, b) => a.line - b.line))
  return { head: head.data, checks: parsed, target: where, variables, files }
}

/** The text as one document; none is an empty suite. */
function parse(text: string, fail: (problems: Problem[]) => never): YamlDocument {
  try {
    return readOneYaml(text.trim() === '' ? '{}' : text)
  } catch (error) {
    if (!(error instanceof YamlError)) throw error
    return fail(
      error.problems.map(({ place, message }) => ({ line: place?.line ?? 1, message: place ? `is not YAML: ${message}` : message })),
    )
  }
}

function withTarget(address: string | undefined, problems: Problem[]): Target | undefined {
  if (address === undefined || address === '') return undefined
  try {
    return readTarget(address)
  } catch (error) {
    problems.push({ line: 1, message: `target: ${messageOf(error)}` })
    return undefined
  }
}

function readCheck(raw: unknown): { spec: CheckSpec; kind: Kind } | { wrong: Wrong[] } {
  const names = Object.keys(kinds) as Kind[]
  const given = typeof raw === 'object' && raw !== null ? names.filter((name) => name in raw) : []
  const [kind] = given
  if (!kind || given.length > 1) {
    const found = given.length ? `it has ${given.join(' and ')}` : 'it has none of them'
    return { wrong: [{ path: [], message: `a check has one of ${names.join(', ')}; ${found}` }] }
  }
  const result = kinds[kind].safeParse(raw)
  if (result.success) return { kind, spec: result.data as CheckSpec }
  return { wrong: wrongs(result.error.issues) }
}

function versionCheck({ version }: Head, wanted: string | undefined): { spec: CheckSpec; kind: Kind } | string | undefined {
  if (!version)
    return wanted === undefined
      ? undefined
      : 'expect-version is given, but the suite has no block version that says where the version is told'
  if ((version.json === undefined) === (version.header === undefined)) return 'version: give one of json and header'
  if (wanted === undefined) return undefined
  const expected = { equals: wanted }
  const expect = version.json !== undefined ? { json: { [version.json]: expected } } : { headers: { [version.header ?? '']: expected } }
  const result = readCheck({ name: VERSION_CHECK, http: version.url, consecutive: version.consecutive, expect })
  return 'wrong' in result ? `version: ${result.wrong.map(wrongText).join('; ')}` : result
}

/** Fills `after`; tells names that are not there or twice, and circles. */
function order(checks: Check[], variables: Values): Problem[] {
  const problems: Problem[] = []
  const names = new Map<string, Check>()
  const captures = new Map<string, string>()
  for (const check of checks) {
    const { name } = check.spec
    const object = (message: string): void => void problems.push({ line: check.line, message: `${name}: ${message}` })
    if (names.has(name)) object(`there is another check with this name in line ${names.get(name)?.line}`)
    names.set(name, check)
    for (const capture of Object.keys('capture' in check.spec ? (check.spec.capture ?? {}) : {})) {
      if (captures.has(capture) || variables.has(capture))
        object(`\${${capture}} has a value already, from ${captures.get(capture) ?? 'variables'}`)
      captures.set(capture, name)
    }
  }
  for (const check of checks) {
    const { name, needs } = check.spec
    const object = (message: string): void => void problems.push({ line: check.line, message: `${name}: ${message}` })
    for (const need of needs) if (!names.has(need)) object(`needs ${need}, which is no check of this suite`)
    const used = new Set(namesWithin(check.spec).filter((value) => !variables.has(value)))
    for (const value of used) if (!captures.has(value)) object(`\${${value}} is neither a variable nor captured by a check`)
    check.after = [...new Set([...needs, ...[...used].flatMap((value) => captures.get(value) ?? [])])]
  }
  return problems.length ? problems : circles(checks)
}

function circles(checks: Check[]): Problem[] {
  const done = new Set<string>()
  let left = checks
  while (left.length) {
    const free = left.filter(({ after }) => after.every((name) => done.has(name)))
    if (free.length === 0)
      return left
        .slice(0, 1)
        .map(({ line }) => ({ line, message: `these checks wait for each other: ${left.map((c) => c.spec.name).join(', ')}` }))
    for (const { spec } of free) done.add(spec.name)
    left = left.filter((check) => !free.includes(check))
  }
  return []
}

/** What a schema cannot say: addresses, paths, expressions and files. */
function examine(check: Check, target: Target | undefined, head: Head, options: LoadOptions, files: Map<string, string>): Problem[] {
  const problems: Problem[] = []
  const attempt = (what: string, work: () => unknown): void => {
    try {
      work()
    } catch (error) {
      problems.push({ line: check.line, message: `${check.spec.name}: ${what}: ${messageOf(error)}` })
    }
  }
  const file = (name: string | undefined): void => {
    if (name === undefined || files.has(name) || isPem(name) || namesWithin(name).length) return
    attempt(name, () => files.set(name, options.read(name)))
  }
  const { spec } = check
  const address = addressOf(spec)
  if (!namesWithin(address.text).length)
    attempt(address.text ?? 'address', () => (address.url ? readTarget(String(address.text), target) : readAddress(address.text, target)))
  for (const connection of [head.connection, spec.connection]) for (const key of ['ca', 'cert', 'key'] as const) file(connection?.[key])
  visit(spec, (key, value) => {
    if ((key === 'matches' || key === 'not-matches') && typeof value === 'string' && !namesWithin(value).length)
      attempt(value, () => regex(value))
    if ((key === 'json' || key === 'expect-json') && typeof value === 'object' && value !== null)
      for (const path of Object.keys(value)) if (path.startsWith('$')) attempt(path, () => compilePath(path))
  })
  if ('capture' in spec)
    for (const [name, how] of Object.entries(spec.capture ?? {})) {
      const sources = [how.json, how.header, how.cookie, how.body].filter((source) => source !== undefined)
      if (sources.length !== 1) attempt(name, () => wrong('a capture has one of json, header, cookie, body'))
      if (how.json) attempt(name, () => compilePath(String(how.json)))
      if (how.body) attempt(name, () => regex(String(how.body)))
    }
  if ('http' in spec) {
    const { json, form, body } = spec.http
    if ([json, form, body].filter((one) => one !== undefined).length > 1)
      attempt('http', () => wrong('a request has one of json, form, body'))
    const { schema } = spec.expect
    if (typeof schema === 'string') file(schema)
    attempt('schema', () => schemaOf(schema, files))
  }
  return problems
}

const wrong = (message: string): never => {
  throw new Error(message)
}

function visit(value: unknown, see: (key: string, value: unknown) => void): void {
  if (typeof value !== 'object' || value === null) return
  for (const [key, inner] of Object.entries(value)) {
    see(key, inner)
    visit(inner, see)
  }
}

/** Where a check goes; `url` when it is called by a URL. */
function addressOf(spec: CheckSpec): { text: string | undefined; url: boolean } {
  if ('http' in spec) return { text: spec.http.url, url: true }
  if ('websocket' in spec) return { text: spec.websocket.url, url: true }
  return { text: 'tcp' in spec ? spec.tcp.address : 'tls' in spec ? spec.tls.address : spec.grpc.address, url: false }
}

/** The JSON Schema that a check names, from its file or inline. Throws when it is none. */
export function schemaOf(schema: string | object | undefined, files: ReadonlyMap<string, string>): object | undefined {
  if (schema === undefined) return undefined
  const text = typeof schema === 'string' ? files.get(schema) : undefined
  if (typeof schema === 'string' && text === undefined) return undefined
  const value: unknown = text === undefined ? schema : JSON.parse(text)
  if (typeof value !== 'object' || value === null) throw new Error('it is no JSON Schema')
  compileSchema(value)
  return value
}

const isPem = (text: string): boolean => text.includes('-----BEGIN ')

/** A connection with PEM where it names files. */
export const withFiles = (connection: Connection, files: ReadonlyMap<string, string>): Connection => {
  const content = (name: string | undefined): string | undefined => (name === undefined || isPem(name) ? name : (files.get(name) ?? name))
  const { ca, cert, key } = connection
  return { ...connection, ca: content(ca), cert: content(cert), key: content(key) }
}
