// How an answer is held against what a vector expects. "NaN", "+Inf" and "-Inf" stand for numbers, since JSON has none.

const sentinels: Record<string, number> = { NaN, '+Inf': Infinity, '-Inf': -Infinity }

/** The number that a vector's value stands for; others as they are. */
export const decoded = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(decoded)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, decoded(inner)]))
  return typeof value === 'string' && Object.hasOwn(sentinels, value) ? sentinels[value] : value
}

/** Tolerances may be named after several keys at once: `ci` is that of ci_low and ci_high. */
const toleranceOf = (key: string, tolerance: number | Record<string, number> | undefined): number => {
  if (typeof tolerance === 'number') return tolerance
  const named = Object.entries(tolerance ?? {}).find(([name]) => key === name || key.startsWith(`${name}_`))
  return named?.[1] ?? 1e-9
}

/** What differs between an answer and the expectation, whose keys alone count; undefined when nothing does. */
export function isDifferent(
  answer: Record<string, unknown>,
  expected: Record<string, unknown>,
  tolerance?: number | Record<string, number>,
): string | undefined {
  for (const [key, wanted] of Object.entries(expected)) {
    const got = answer[key]
    if (!same(got, wanted, toleranceOf(key, tolerance))) return `${key} is ${show(got)}, expected ${show(wanted)}`
  }
  return undefined
}

function same(got: unknown, wanted: unknown, tolerance: number): boolean {
  // A value that is text stays text: value_text of NaN is "NaN".
  if (typeof got === 'string' || typeof got === 'boolean' || got === undefined || got === null) return got === wanted
  const want = decoded(wanted)
  if (typeof got === 'number') return typeof want === 'number' && (Object.is(got, want) || Math.abs(got - want) <= tolerance)
  if (Array.isArray(got)) return Array.isArray(want) && got.length === want.length && got.every((one, i) => same(one, want[i], tolerance))
  const entries = Object.entries(want as Record<string, unknown>)
  return entries.every(([key, value]) => same((got as Record<string, unknown>)[key], value, tolerance))
}

const show = (value: unknown): string =>
  typeof value === 'number' ? String(value) : (JSON.stringify(value, (_, one: unknown) => (Number.isNaN(one) ? 'NaN' : one)) ?? 'nothing')
