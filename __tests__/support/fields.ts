// Server-side apply's idea of fields: which leaves an object sets, and who owns them. Lists are leaves here, as is a Service's selector.

/** A field's way as JSON, so that names may hold dots. */
export type Field = string

type Tree = Record<string, unknown>

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value)
/** What nobody owns. */
const UNOWNED = new Set(['apiVersion', 'kind', 'status', 'metadata.name', 'metadata.namespace', 'metadata.uid', 'metadata.resourceVersion'])
UNOWNED.add('metadata.generation').add('metadata.creationTimestamp').add('metadata.deletionTimestamp').add('metadata.finalizers')

/** The leaves of what somebody writes. */
export function fieldsOf(object: { kind: string; [field: string]: unknown }): Set<Field> {
  const found = new Set<Field>()
  const visit = (value: unknown, path: string[]): void => {
    const name = path.join('.')
    if (UNOWNED.has(name)) return
    const atomic = object.kind === 'Service' && name === 'spec.selector'
    if (!isTree(value) || atomic || (path.length > 0 && Object.keys(value).length === 0)) found.add(JSON.stringify(path))
    else for (const [key, inner] of Object.entries(value)) visit(inner, [...path, key])
  }
  visit(object, [])
  return found
}

export function valueAt(object: unknown, field: Field): unknown {
  return (JSON.parse(field) as string[]).reduce((value: unknown, key) => (isTree(value) ? value[key] : undefined), object)
}

/** Sets a field in place; `undefined` removes it. */
export function setAt(object: Tree, field: Field, value: unknown): void {
  const path = JSON.parse(field) as string[]
  const last = path.pop() ?? ''
  let place = object
  for (const key of path) {
    if (!isTree(place[key])) place[key] = {}
    place = place[key] as Tree
  }
  if (value === undefined) delete place[last]
  else place[last] = value
}

/** As the API server names it in a conflict. */
export const dotted = (field: Field): string => `.${(JSON.parse(field) as string[]).join('.')}`

/** JSON merge patch (RFC 7396). */
export function mergePatch(value: unknown, patch: unknown): unknown {
  if (!isTree(patch)) return patch
  const merged: Tree = isTree(value) ? { ...value } : {}
  for (const [key, inner] of Object.entries(patch)) {
    if (inner === null) delete merged[key]
    else merged[key] = mergePatch(merged[key], inner)
  }
  return merged
}
