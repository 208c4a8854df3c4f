// Configuration files: YAML or JSON, from the workspace or written into the workflow. They are parsed as data, with bounds.
import { readOneYaml, type YamlDocument, YamlError } from '../shared/text/yaml.ts'
import { readInside } from '../shared/workspace.ts'

/** Reads a document: text with several lines, or beginning with a brace, is the document itself; else it is the path of one. */
export function loadDocument(given: string, workspace: string): YamlDocument {
  const inline = given.includes('\n') || given.trimStart().startsWith('{')
  return parseDocument(inline ? given : readInside(given, workspace))
}

/** Exactly one YAML or JSON document. Aliases that multiply are refused. */
export function parseDocument(text: string): YamlDocument {
  try {
    return readOneYaml(text)
  } catch (error) {
    const problem = error instanceof YamlError ? error.problems[0] : undefined
    if (!problem) throw error
    const { place, message } = problem
    throw new Error(place ? `config: line ${place.line}: it is not YAML: ${message}` : `config: ${message}`, { cause: error })
  }
}
