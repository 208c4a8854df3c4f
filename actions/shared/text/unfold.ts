// What a YAML parser made, as JSON has it: anchors unfolded, merges done, nothing shared, within bounds.
import { isRecord } from './records.ts'

export interface Unfolding {
  /** Characters of the whole. */
  budget: number
  /** What anchors may add, as messages tell it. */
  unfolded: number
  depth: number
  /** Whether `<<` merges maps. */
  merge: boolean
}

const MERGE = '<<'

/**
 * A copy in which what anchors share is apart. Calls `fail` for what has no such copy: an anchor inside of itself, one that unfolds to more
 * than the budget of characters, infinity, a number that would lose digits, a set. It tells the place, not the value, which may be a password.
 */
export function copied(value: unknown, { budget, unfolded, depth, merge }: Unfolding, fail: (message: string) => never): unknown {
  let left = budget
  const spend = (characters: number): void => {
    left -= characters
    if (left < 0) fail(`its anchors unfold to more than ${unfolded} characters`)
  }
  const copy = (one: unknown, above: readonly unknown[], path: string): unknown => {
    spend(typeof one === 'string' ? one.length : 1)
    if (typeof one === 'bigint') {
      if (Number.isSafeInteger(Number(one))) return Number(one)
      fail(`${path} is a number that would lose digits; at most ${Number.MAX_SAFE_INTEGER} is read (quote it where it is text)`)
    }
    if (typeof one === 'number' && !Number.isFinite(one)) fail(`${path} is ${one}; a finite number is needed`)
    if (one instanceof Uint8Array) return Buffer.from(one).toString('utf8') // !!binary
    if (typeof one !== 'object' || one === null) return one ?? null
    if (above.includes(one)) fail(`an anchor refers to itself at ${path}`)
    if (above.length >= depth) fail(`is nested too deeply to be read: at most ${depth} levels`)
    if (one instanceof Set || one instanceof Map) fail(`${path} is a YAML set or ordered map; a list or a map is needed`)
    const inside = [...above, one]
    if (Array.isArray(one)) return one.map((item, i) => copy(item, inside, `${path}[${i}]`))
    const result = new Map<string, unknown>()
    let merged: unknown
    for (const [key, inner] of Object.entries(one)) {
      spend(key.length)
      if (merge && key === MERGE) merged = inner
      else result.set(key, copy(inner, inside, path ? `${path}.${key}` : key))
    }
    for (const source of [merged ?? []].flat()) {
      const from = copy(source, inside, path)
      if (!isRecord(from)) fail(`${path} merges a ${typeof source}; a map is needed`)
      for (const [key, inner] of Object.entries(from as object)) if (!result.has(key)) result.set(key, inner)
    }
    return Object.fromEntries(result)
  }
  return copy(value, [], '')
}
