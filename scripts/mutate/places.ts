// Where a source can be broken: the tree is Babel's, of what Node runs, which has the same positions as the TypeScript.
import { stripTypeScriptTypes } from 'node:module'
import { types } from 'node:util'
import { parse } from '@babel/parser'
import { type Edit, editsAt, isNode, type Node } from './operators.ts'

/** One way to break one place of a file. */
export interface Mutant extends Edit {
  /** A path from the project's folder. */
  file: string
  /** Counted from 1. */
  line: number
  /** The lines that the edit touches, before and after it, with every white space as one blank. */
  original: string
  mutated: string
}

/** All mutants of a file in the order of their places; `isSound` tells whether one can be read. Throws for a source that cannot. */
export function mutantsOf(file: string, source: string): Mutant[] {
  const code = strip(file, source)
  const edits = editsUnder(read(code), code, source)
  const seen = new Set<string>()
  return edits
    .sort((a, b) => a.start - b.start || a.end - b.end)
    .filter(({ start, end, text }) => {
      const key = `${start} ${end} ${text}`
      return source.slice(start, end) !== text && !seen.has(key) && seen.add(key)
    })
    .map((edit) => ({ file, ...edit, ...linesOf(source, edit) }))
}

/** A source with a mutant's edit. */
export const applied = (source: string, { start, end, text }: Edit): string => source.slice(0, start) + text + source.slice(end)

/** JavaScript with white space in place of the types. Throws when anything else has moved. */
function strip(file: string, source: string): string {
  const code = stripTypeScriptTypes(source, { mode: 'strip' })
  const moved = code.length !== source.length || [...code.matchAll(/[^\s;]/g)].some(({ 0: char, index }) => char !== source[index])
  if (moved) throw new Error(`${file}: without its types the code stands at other positions, so it cannot be broken by position`)
  return code
}

function read(code: string): Node {
  const { program } = parse(code, { sourceType: 'module' })
  if (!isNode(program)) throw new Error('the parser gave no tree')
  return program
}

/** Whether a source with a mutant's edit can still be stripped and parsed. */
export function isSound(source: string, edit: Edit): boolean {
  try {
    read(stripTypeScriptTypes(applied(source, edit), { mode: 'strip' }))
    return true
  } catch (error) {
    // By its name: the error of Node's own code is of another realm in a test.
    if (types.isNativeError(error) && error.name === 'SyntaxError') return false
    throw error
  }
}

/** What lies in a template makes a text: it is left alone. */
const LEFT_ALONE = ['TemplateLiteral', 'ImportDeclaration']

function editsUnder(node: Node, code: string, source: string): Edit[] {
  if (LEFT_ALONE.includes(node.type)) return []
  const children = Object.values(node)
    .flatMap((value: unknown) => (Array.isArray(value) ? value : [value]) as unknown[])
    .filter(isNode)
    .filter(({ type }) => !type.startsWith('Comment'))
  return [...editsAt(node, code, source), ...children.flatMap((child) => editsUnder(child, code, source))]
}

export const fold = (text: string): string => text.replace(/\s+/g, ' ').trim()

function linesOf(source: string, { start, end, text }: Edit): { line: number; original: string; mutated: string } {
  const from = source.lastIndexOf('\n', start - 1) + 1
  const next = source.indexOf('\n', end)
  const to = next < 0 ? source.length : next
  return {
    line: source.slice(0, start).split('\n').length,
    original: fold(source.slice(from, to)),
    mutated: fold(source.slice(from, start) + text + source.slice(end, to)),
  }
}
