import { type KubeObject, nameOf } from '../../shared/kubernetes/api/cluster.ts'

export interface Change {
  object: string
  /** `field: old -> new`; of Secrets only the keys. */
  lines: string[]
}

const CUT = 120

/** What changes between two sets of manifests, field by field. The values of Secrets never appear. */
export function diffObjects(before: KubeObject[], after: KubeObject[]): Change[] {
  const key = (object: KubeObject) => `${object.apiVersion} ${nameOf(object)}`
  const old = new Map(before.map((object) => [key(object), object]))
  const changes: Change[] = []
  for (const object of after) {
    const previous = old.get(key(object))
    old.delete(key(object))
    const lines = previous ? fields(previous, object, '', isSecret(object)) : ['added']
    if (lines.length) changes.push({ object: nameOf(object), lines })
  }
  for (const object of old.values())
    changes.push({ object: nameOf(object), lines: ['no longer in the manifests; it stays in the cluster'] })
  return changes
}

const isSecret = (object: KubeObject): boolean => object.kind === 'Secret'

function fields(before: unknown, after: unknown, path: string, secret: boolean): string[] {
  if (isTree(before) && isTree(after) && Array.isArray(before) === Array.isArray(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])]
    return keys.flatMap((name) => fields(before[name], after[name], join(path, name, Array.isArray(before)), secret))
  }
  if (before === after) return []
  const hidden = secret && /^(data|stringData)(\.|$)|last-applied-configuration/.test(path)
  if (hidden) return isTree(before) || isTree(after) ? keysOnly(before, after, path) : [`${path}: ${state(before, after)}`]
  return [`${path}: ${show(before)} -> ${show(after)}`]
}

const keysOnly = (before: unknown, after: unknown, path: string): string[] =>
  Object.keys((isTree(after) ? after : before) as object).map((name) => `${join(path, name, false)}: ${state(before, after)}`)

const state = (before: unknown, after: unknown): string => (before === undefined ? 'added' : after === undefined ? 'removed' : 'changed')

const isTree = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

const join = (path: string, name: string, list: boolean): string => (list ? `${path}[${name}]` : path ? `${path}.${name}` : name)

function show(value: unknown): string {
  if (value === undefined) return '(none)'
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > CUT ? `${text.slice(0, CUT)}…` : text
}
