// Configuration files: YAML or JSON, from the workspace or written into the workflow. They are parsed as data, with bounds.
import { LineCounter, parseAllDocuments } from 'yaml'
import { readInside } from '../shared/workspace.ts'

const LARGEST = 1024 * 1024

/** Reads a document: text with several lines, or beginning with a brace, is the document itself; else it is the path of one. */
export function loadDocument(given: string, workspace: string): unknown {
  const inline = given.includes('\n') || given.trimStart().startsWith('{')
  return parseDocument(inline ? given : readInside(given, workspace))
}

/** Exactly one YAML or JSON document. Aliases that multiply are refused. */
export function parseDocument(text: string): unknown {
  if (text.length > LARGEST) throw new Error(`config: it is larger than ${LARGEST} characters`)
  const lines = new LineCounter()
  // Without the parser's picture of the line, which may hold a secret.
  const documents = parseAllDocuments(text, { stringKeys: true, prettyErrors: false, lineCounter: lines })
  const [document] = documents
  if (!document || !Array.isArray(documents) || documents.length !== 1)
    throw new Error(`config: one YAML document is wanted, not ${documents.length}`)
  const broken = document.errors[0]
  if (broken) throw new Error(`config: line ${lines.linePos(broken.pos[0]).line}: it is not YAML: ${broken.message}`)
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    throw new Error(`config: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}
