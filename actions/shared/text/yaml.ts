// YAML and JSON text to plain data, with bounds. What cannot be read is told by its place and by what kind of fault it is: the parser's own
// words quote what it read, which may be a password.
import {
  type Document,
  type ErrorCode,
  isAlias,
  isScalar,
  LineCounter,
  type Node,
  type ParseOptions,
  parseAllDocuments,
  type ScalarTag,
  type SchemaOptions,
  visit,
} from 'yaml'
import { copied } from './unfold.ts'

export interface YamlLimits {
  /** Of the whole text, in characters. */
  characters: number
  /** Aliases of one document. */
  aliases: number
  /** What anchors may add to a document when they unfold, in characters. */
  unfolded: number
  /** Levels of lists and maps. */
  depth: number
}

export const usualLimits: YamlLimits = { characters: 2 ** 20, aliases: 1000, unfolded: 2 ** 20, depth: 200 }

export interface YamlOptions {
  /** `strict` (YAML 1.2) refuses keys that are no text, tags that it does not know and the key `__proto__`; `kubectl` reads what kubectl reads. */
  dialect?: 'strict' | 'kubectl'
  limits?: Partial<YamlLimits>
}

export interface Place {
  line: number
  column: number
}

export interface YamlProblem {
  /** Which document of the text, from 1 on. */
  document: number
  /** Undefined for what concerns a document as a whole. */
  place: Place | undefined
  message: string
}

/** Why a text cannot be read; at most ten problems. It has no cause: the parser's own error quotes the text. */
export class YamlError extends Error {
  readonly problems: readonly YamlProblem[]
  constructor(problems: readonly YamlProblem[]) {
    super(problems.map(({ place, message }) => (place ? `line ${place.line}, column ${place.column}: ${message}` : message)).join('\n'))
    this.name = 'YamlError'
    this.problems = problems
  }
}

export interface YamlDocument {
  /** As JSON has it; null for an empty document. */
  value: unknown
  /** Where the node begins that is nearest to a path: of a map its first key. */
  placeOf(path: readonly PropertyKey[]): Place
}

const octal: ScalarTag = { tag: 'tag:yaml.org,2002:int', default: true, test: /^0o[0-7]+$/, resolve: (text) => BigInt(text) }

// kubectl reads YAML 1.1 without base 60 and without dates, but with 0o: `0644` and `0o644` are octal, `yes` is true, `12:30` and
// `2001-01-01` are strings. Merges are done when a value is copied: the parser takes for ever over maps that merge each other.
const dialects: Record<'strict' | 'kubectl', ParseOptions & SchemaOptions & { version: '1.1' | '1.2' }> = {
  strict: { version: '1.2', stringKeys: true },
  kubectl: {
    version: '1.1',
    schema: 'yaml-1.1',
    merge: false,
    customTags: (tags) => [
      octal,
      ...tags.filter(
        (tag) => typeof tag !== 'string' && (tag as { format?: string }).format !== 'TIME' && !/:(timestamp|merge)$/.test(tag.tag),
      ),
    ],
  },
}

const words: Record<ErrorCode, string> = {
  ALIAS_PROPS: 'An alias has a tag or an anchor of its own; quote a value that begins with *',
  BAD_ALIAS: 'An alias or an anchor has no proper name; quote a value that begins with * or &',
  BAD_COLLECTION_TYPE: 'A tag does not fit its value; quote a value that begins with !',
  BAD_DIRECTIVE: 'A directive is not understood; quote a value that begins with %',
  BAD_DQ_ESCAPE: 'An escape in a text in double quotes is not known; write a backslash twice, or use single quotes',
  BAD_INDENT: 'The indentation does not fit what stands above; a list or a map in brackets, or a text in quotes, may not be closed',
  BAD_PROP_ORDER: 'An anchor or a tag stands in the wrong place; quote a value that begins with & or !',
  BAD_SCALAR_START: 'A value begins with a character that has a meaning in YAML; quote it',
  BLOCK_AS_IMPLICIT_KEY: 'Nested mappings are not allowed in one line; quote a value that holds a colon and a space',
  BLOCK_IN_FLOW: 'A list or a map by indentation stands inside of brackets',
  DUPLICATE_KEY: 'A key is there twice',
  IMPOSSIBLE: 'It cannot be understood',
  KEY_OVER_1024_CHARS: 'A key is longer than 1024 characters',
  MISSING_CHAR: 'Something is missing: a quote, a comma, a colon, or the space after one',
  MULTILINE_IMPLICIT_KEY: 'A key goes on over more than one line; a colon may be missing, or a quote',
  MULTIPLE_ANCHORS: 'A value has more than one anchor; quote a value that begins with &',
  MULTIPLE_DOCS: 'There is more than one document',
  MULTIPLE_TAGS: 'A value has more than one tag; quote a value that begins with !',
  NON_STRING_KEY: 'A key is no text',
  RESOURCE_EXHAUSTION: 'is nested too deeply to be read',
  TAB_AS_INDENT: 'Tabs are not allowed as indentation; use spaces',
  TAG_RESOLVE_FAILED: 'A tag is not known or does not fit its value; quote a value that begins with !',
  UNEXPECTED_TOKEN:
    'Something stands where it may not; quote a value that begins with one of | > [ ] { } , # & * ! % @ `, or a quote may be missing',
}

/** The documents of a text, empty ones too; none for a text without any. Throws a YamlError. */
export function readYaml(text: string, { dialect = 'strict', limits }: YamlOptions = {}): YamlDocument[] {
  const most = { ...usualLimits, ...limits }
  if (text.length > most.characters)
    throw new YamlError([{ document: 1, place: undefined, message: `it is larger than ${most.characters} characters` }])
  const lines = new LineCounter()
  const at = (offset = 0): Place => {
    const { line, col } = lines.linePos(offset)
    return { line: line || 1, column: col || 1 }
  }
  const documents = parseAllDocuments(text, {
    ...dialects[dialect],
    intAsBigInt: true,
    // Both take longer than the text is long; `survey` does the first.
    uniqueKeys: false,
    prettyErrors: false,
    lineCounter: lines,
    // No warning of the parser goes past the log.
    logLevel: 'error',
  })
  if (!Array.isArray(documents)) return []
  return documents.map((document, index): YamlDocument => {
    const number = index + 1
    const all = [...document.errors, ...(dialect === 'strict' ? document.warnings : [])]
    const deep = all.find(({ code }) => code === 'RESOURCE_EXHAUSTION')
    const faults = deep ? [deep] : all.slice(0, MOST_TOLD)
    const found = faults.map(
      ({ code, pos }): YamlProblem => ({
        document: number,
        place: code === 'RESOURCE_EXHAUSTION' ? undefined : at(pos[0]),
        message: words[code],
      }),
    )
    if (found.length === 0) found.push(...survey(document, most, dialect, at).map((one) => ({ document: number, ...one })))
    if (found.length) throw new YamlError(found.slice(0, MOST_TOLD))
    const fail = (message: string): never => {
      throw new YamlError([{ document: number, place: undefined, message }])
    }
    const data: unknown = document.toJS({ maxAliasCount: -1 })
    const value = copied(data, { ...most, budget: text.length + most.unfolded, merge: dialect === 'kubectl' }, fail)
    return { value, placeOf: (path) => at(nearest(document, path)?.range?.[0]) }
  })
}

/** Of one text. */
const MOST_TOLD = 10

type Found = Omit<YamlProblem, 'document'>

/** What the parser does not look at, or takes too long over: aliases, and keys that a map has twice. */
function survey(document: Document.Parsed, most: YamlLimits, dialect: 'strict' | 'kubectl', at: (offset?: number) => Place): Found[] {
  const found: Found[] = []
  const anchors = new Set<string>()
  let aliases = 0
  visit(document, {
    Node: (_, node) => {
      if (isAlias(node)) {
        aliases++
        if (!anchors.has(node.source))
          found.push({
            place: at(node.range?.[0]),
            message: 'An alias names an anchor that is not set before it; quote a value that begins with *',
          })
      } else if (node.anchor) anchors.add(node.anchor)
    },
    Map: (_, map) => {
      if (map.anchor) anchors.add(map.anchor)
      const seen = new Set<string>()
      for (const { key } of map.items) {
        if (!isScalar(key)) continue
        const name = String(key.value)
        const place = at(key.range?.[0])
        if (seen.has(name)) found.push({ place, message: `the key ${JSON.stringify(name)} is there twice` })
        if (dialect === 'strict' && name === '__proto__') found.push({ place, message: 'the key "__proto__" is not accepted' })
        seen.add(name)
      }
    },
  })
  if (aliases > most.aliases)
    found.unshift({ place: undefined, message: `has ${aliases} aliases of anchors; at most ${most.aliases} are read` })
  return found
}

function nearest(document: Document.Parsed, path: readonly PropertyKey[]): Node | null {
  for (let length = path.length; length > 0; length--) {
    const found = document.getIn(path.slice(0, length), true) as Node | undefined
    if (found) return found
  }
  return document.contents
}

/** The only document of a text. Throws a YamlError, also for none and for more. */
export function readOneYaml(text: string, options: YamlOptions = {}): YamlDocument {
  const documents = readYaml(text, options)
  const [document] = documents
  if (document && documents.length === 1) return document
  throw new YamlError([{ document: 1, place: undefined, message: `one YAML document is wanted, not ${documents.length}` }])
}
