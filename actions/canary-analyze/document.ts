// Configuration files: YAML or JSON, from the workspace or written into the workflow. They are parsed as data, with bounds.
import { readYaml, type YamlDocument, YamlError } from '../shared/text/yaml.ts'
import { readInside } from '../shared/workspace.ts'
import { meantDocument } from './argo/kinds.ts'

/** Reads a document: text with several lines, or beginning with a brace, is the document itself; else it is the path of one. */
export function loadDocument(given: string, workspace: string): YamlDocument {
  const inline = given.includes('\n') || given.trimStart().startsWith('{')
  return parseDocument(inline ? given : readInside(given, workspace))
}

/** The only YAML or JSON document, or the only AnalysisTemplate among several. Aliases that multiply are refused. */
export function parseDocument(text: string): YamlDocument {
  try {
    const documents = readYaml(text)
    const meant = meantDocument(documents.map(({ value }) => value))
    const document = documents.find(({ value }) => value === meant)
    if (!document) throw new Error('the document that is meant is none of the file')
    return document
  } catch (error) {
    const problem = error instanceof YamlError ? error.problems[0] : undefined
    if (!problem) throw error
    const { place, message } = problem
    throw new Error(place ? `config: line ${place.line}: it is not YAML: ${message}` : `config: ${message}`, { cause: error })
  }
}
