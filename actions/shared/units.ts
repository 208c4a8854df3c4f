// How inputs write durations, percentages and sizes. Each parser gives undefined for what it cannot read: never NaN, never a guess.

const durations = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `500ms`, `90s`, `1h30m`, `0`: milliseconds. Units in descending order, each once; a number without a unit is refused. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  const parts = /^(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?$/.exec(text)
  if (!parts || text === '') return undefined
  const [, d = 0, h = 0, m = 0, s = 0, ms = 0] = parts
  const total = +d * durations.d + +h * durations.h + +m * durations.m + +s * durations.s + +ms
  return Number.isSafeInteger(Math.round(total)) ? Math.round(total) : undefined
}

/** `12.5%`: 12.5. The sign is required: 0.05 could be meant as five percent or as a twentieth of one. */
export function parsePercentage(text: string): number | undefined {
  const number = /^(\d+(?:\.\d+)?)\s*%$/.exec(text)?.[1]
  return number === undefined ? undefined : Number(number)
}

const sizes = ['', 'K', 'M', 'G', 'T', 'P']

/** `500MiB`, `500Mi` (powers of 1024), `500MB` (powers of 1000), `1024` (bytes): whole bytes. */
export function parseSize(text: string): number | undefined {
  const [, number, power = '', binary] = /^(\d+(?:\.\d+)?)\s*([KMGTP]?)(i?)B?$/i.exec(text) ?? []
  if (number === undefined || (binary && !power)) return undefined
  const bytes = Math.round(Number(number) * (binary ? 1024 : 1000) ** sizes.indexOf(power.toUpperCase()))
  return Number.isSafeInteger(bytes) ? bytes : undefined
}
