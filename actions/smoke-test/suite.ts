// The suite as people write it. suite.schema.json is generated from these schemas, so every description is what an editor shows.
import { z } from 'zod'
import { parseDuration, parseSize } from '../shared/units.ts'

const line = z.string().regex(/^[^\r\n\0]*$/, 'must be one line')
const token = z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'must be a name as HTTP allows it')
const identifier = z.string().regex(/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/, 'must be a name: a letter, then letters, digits, _ and -')

const duration = z
  .string()
  .regex(/^(0|(\d+(\.\d+)?[dhms]){1,4}(\d+ms)?|\d+ms)$/, 'must be a duration with units like 500ms, 90s or 1m30s')
  .transform((text, context) => {
    const value = parseDuration(text)
    if (value !== undefined) return value
    context.addIssue({ code: 'custom', message: `'${text}' is not accepted: a duration with units like 500ms, 90s or 1m30s` })
    return z.NEVER
  })
  .describe('a duration such as 500ms, 90s, 1m30s')

const size = z
  .string()
  .regex(/^\d+(\.\d+)? ?([KMGkmg]i?)?B?$/, 'must be a size like 512KiB or 4MiB')
  .transform((text, context) => {
    const value = parseSize(text)
    if (value !== undefined && value <= 64 * 2 ** 20) return value
    context.addIssue({ code: 'custom', message: `'${text}' is not accepted: a size like 512KiB or 4MiB, up to 64MiB` })
    return z.NEVER
  })
  .describe('a size such as 512KiB, 4MiB')

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()])
const named = <T extends z.ZodType>(values: T) => z.record(token, values)

const path = z.string().regex(/^\$/, 'must be a JSONPath, which begins with $')
const range = z.strictObject({ 'at-least': z.number().optional(), 'at-most': z.number().optional() })
const matcherFields = z.strictObject({
  equals: z.json().optional(),
  'not-equals': z.json().optional(),
  contains: scalar.optional().describe('a part of a text, or an element of a list'),
  'not-contains': scalar.optional(),
  matches: z.string().optional().describe('a regular expression in RE2 syntax, found anywhere'),
  'not-matches': z.string().optional(),
  'at-least': z.number().optional(),
  'at-most': z.number().optional(),
  length: z.union([z.int(), range]).optional().describe('of a text or a list'),
  exists: z.boolean().optional(),
})
/** What a value has to be: a plain value to equal, or conditions that all hold. */
const matcher = z
  .union([scalar, z.array(z.json()), matcherFields])
  .transform((given): Matcher => (typeof given === 'object' && given !== null && !Array.isArray(given) ? given : { equals: given }))
export type Matcher = z.infer<typeof matcherFields>

const connection = z
  .strictObject({
    ca: z.string().optional().describe('certificates to trust instead of the public ones: a file beside the suite, or PEM'),
    cert: z.string().optional().describe('client certificate: a file beside the suite, or PEM'),
    key: z.string().optional().describe('key of the client certificate; best as a variable, from a secret'),
    servername: line.optional().describe('the name that TLS asks for; default: the host'),
    proxy: line.optional().describe('http://[user:password@]host:port; `none` for none. Default: $HTTPS_PROXY and $NO_PROXY'),
    resolve: z.record(z.string(), z.string()).optional().describe('host -> address, instead of asking DNS'),
  })
  .describe('how to get there')
export type Connection = z.infer<typeof connection>

const status = z.union([z.int().min(100).max(599), z.enum(['1xx', '2xx', '3xx', '4xx', '5xx'])])
const jsonPaths = z.record(path, matcher).describe('JSONPath (RFC 9535) -> what is there')
const schema = z.union([z.string(), z.record(z.string(), z.json())]).describe('a JSON Schema (2020-12): a file beside the suite, or inline')

const capture = z
  .record(
    identifier,
    z.strictObject({
      json: path.optional().describe('JSONPath of one value'),
      header: token.optional(),
      cookie: token.optional(),
      body: z.string().optional().describe('regular expression; its first group, else the whole match'),
      secret: z.boolean().default(false).describe('mask the value everywhere'),
    }),
  )
  .describe('values for later checks: a dollar sign and the name in braces puts one into a text')
export type Capture = z.infer<typeof capture>[string]

const percentile = z.string().regex(/^p(\d{1,2}(\.\d+)?|100)$/)
const http = z.strictObject({
  url: line.describe('a path of the target, or a whole address: https://, http://, k8s://namespace/service:port/path'),
  method: token.default('GET'),
  query: z.record(z.string(), scalar).optional(),
  headers: named(line).optional().describe('`host` overrides the Host header'),
  cookies: named(line).optional(),
  basic: z.strictObject({ user: z.string(), password: z.string() }).optional(),
  bearer: line.optional(),
  body: z.string().optional(),
  json: z.json().optional().describe('sent as JSON'),
  form: z.record(z.string(), scalar).optional().describe('sent as a form'),
  redirects: z.int().min(0).max(20).default(0).describe('how many redirects to follow, on the same host'),
  'redirect-hosts': z.array(z.string()).default([]).describe('other hosts that redirects may lead to; credentials do not go there'),
  requests: z.int().min(1).max(1000).default(1).describe('how often to ask on one connection, for latency'),
  'max-body': size.prefault('1MiB').describe('a larger answer is a failure; default 1MiB'),
})
const httpExpect = z.strictObject({
  status: z
    .union([status, z.array(status).min(1)])
    .transform((given) => [given].flat())
    .optional()
    .describe('a status, a class such as 2xx, or a list; default 2xx'),
  headers: named(matcher).optional(),
  body: matcher.optional(),
  json: jsonPaths.optional(),
  schema: schema.optional(),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional()
    .describe('hash of the body'),
  redirects: z.array(z.string()).optional().describe('the addresses that redirects led to, in order; paths are of the target'),
  latency: z.record(percentile, duration).optional().describe('p50, p95, p100: the time that an answer may take'),
  protocol: z.enum(['http/1.1', 'h2']).optional(),
})

const turn = z.strictObject({
  send: z.string().optional(),
  'send-json': z.json().optional(),
  expect: matcher.optional().describe('waits until something received matches; what does not is passed over'),
  'expect-json': jsonPaths.optional(),
})
const streamTurn = z.strictObject({ send: z.string().optional(), expect: matcher.optional() })

const websocket = z.strictObject({
  url: line.describe('a path of the target, or ws://, wss://, k8s:// with a path'),
  headers: named(line).optional(),
  cookies: named(line).optional(),
  bearer: line.optional(),
  subprotocols: z.array(token).optional(),
  dialogue: z.array(turn).max(100).default([]),
})
const websocketExpect = z.strictObject({ subprotocol: line.optional() })

const address = line.describe('host:port, or k8s://namespace/service:port; default: that of the target')
const tcp = z.strictObject({
  address: address.optional(),
  tls: z.boolean().default(false),
  dialogue: z.array(streamTurn).max(100).default([]),
})
const tls = z.strictObject({ address: address.optional(), alpn: z.array(line).optional() })
const tlsExpect = z.strictObject({
  'valid-for': duration.optional().describe('how long the certificate has to be valid still; days are 14d'),
  name: line.optional().describe('a name that the certificate has to be for; default: the host'),
  trusted: z.boolean().default(true).describe('false allows a chain that is not trusted; it is still named'),
  issuer: matcher.optional(),
  protocol: z.enum(['TLSv1.2', 'TLSv1.3']).optional().describe('at least this version'),
  alpn: line.optional(),
})
const grpc = z.strictObject({
  address: address.optional(),
  service: line.default('').describe('whose health; empty is that of the server'),
  tls: z.boolean().optional().describe('default: as the target'),
  metadata: named(line).optional(),
  bearer: line.optional(),
})
export const CODES = [
  ...['OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS', 'PERMISSION_DENIED'],
  ...['RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS'],
  'UNAUTHENTICATED',
]
export const HEALTH = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const
const grpcExpect = z.strictObject({
  code: z.enum(CODES).default('OK').describe('the gRPC status'),
  status: z.enum(HEALTH).default('SERVING').describe('the health, where the code is OK'),
})

const common = {
  name: z.string().regex(/^[^\p{Cc}]{1,100}$/u, 'must be one line of at most 100 characters'),
  needs: z.array(z.string()).default([]).describe('checks that have to pass before this one begins'),
  timeout: duration.optional().describe('how long one attempt may take'),
  interval: duration.optional().describe('time to the next attempt; doubled after each failure'),
  consecutive: z.int().min(1).max(1000).optional().describe('how many attempts in a row have to pass, each on a new connection'),
  retry: z.boolean().default(true).describe('false tries once: for requests that change something'),
  connection: connection.optional(),
}
const or = <T extends z.ZodObject>(whole: T, short: string) =>
  z.union([line.transform((text) => whole.parse({ [short]: text })), whole]) as unknown as T

/** One schema for each kind of check; `http: /health` is short for `http: {url: /health}`. */
export const kinds = {
  http: z.strictObject({ ...common, http: or(http, 'url'), expect: httpExpect.prefault({}), capture: capture.optional() }),
  websocket: z.strictObject({ ...common, websocket: or(websocket, 'url'), expect: websocketExpect.prefault({}) }),
  tcp: z.strictObject({ ...common, tcp: or(tcp, 'address') }),
  tls: z.strictObject({ ...common, tls: or(tls, 'address'), expect: tlsExpect.prefault({}) }),
  grpc: z.strictObject({ ...common, grpc: or(grpc, 'address'), expect: grpcExpect.prefault({}) }),
}
export type Kind = keyof typeof kinds
export type CheckOf<K extends Kind> = z.infer<(typeof kinds)[K]>
export type CheckSpec = { [K in Kind]: CheckOf<K> }[Kind]
export type Turn = z.infer<typeof turn>

const head = {
  target: line.optional().describe('what is tested: https://host, or k8s://namespace/service:port; the input target overrides it'),
  deadline: duration.prefault('2m').describe('for the whole suite; default 2m'),
  timeout: duration.prefault('10s').describe('for one attempt; default 10s'),
  interval: duration.prefault('1s').describe('time to the next attempt, doubled after each failure; default 1s'),
  'max-interval': duration.prefault('10s').describe('where the doubling ends; default 10s'),
  consecutive: z.int().min(1).max(1000).default(1).describe('attempts in a row that have to pass; default 1'),
  parallel: z.int().min(1).max(100).default(8).describe('how many attempts are under way at once; default 8'),
  variables: z
    .record(identifier, scalar)
    .default({})
    .describe('values for checks: a dollar sign and the name in braces puts one into a text; the input variables overrides them'),
  connection: connection.prefault({}),
  version: z
    .strictObject({
      url: line.default('/version'),
      json: path.optional().describe('JSONPath of the version in the answer'),
      header: token.optional().describe('header that holds the version'),
      consecutive: z.int().min(1).max(1000).default(3).describe('how many connections in a row have to reach it; default 3'),
    })
    .optional()
    .describe('where the running version is told; the input expect-version says which one has to answer before any other check begins'),
}
export const headSchema = z.strictObject({ ...head, checks: z.array(z.unknown()).max(5000).default([]) })
export type Head = z.infer<typeof headSchema>

/** The whole as published for editors. */
export const suiteSchema = z
  .strictObject({ ...head, checks: z.array(z.union(Object.values(kinds))).describe('in any order; `needs` orders them') })
  .describe('A suite of smoke tests for devops-actions/smoke-test')

/** The JSON Schema (2020-12) of a suite file. */
export const suiteJsonSchema = (): object => z.toJSONSchema(suiteSchema, { io: 'input', target: 'draft-2020-12', reused: 'ref' })
