// Durations as Go writes them, which is how an AnalysisTemplate does.

const units: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** `1h30m`, `90s`, `1.5h`: milliseconds; undefined when it is none. */
export function goDuration(text: string): number | undefined {
  if (text === '0') return 0
  if (!/^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined
  const sign = text.startsWith('-') ? -1 : 1
  let total = 0
  for (const [, value, unit = ''] of text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)) total += Number(value) * (units[unit] ?? 0)
  return sign * total
}
