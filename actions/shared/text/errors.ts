/** The stable name of an error, that of it or of what caused it: kebab-case, such as `lease-lost`. System codes (ENOENT) are none. */
export function codeOf(error: unknown): string | undefined {
  const left: unknown[] = [error]
  for (let looked = 0; left.length > 0 && looked < 20; looked++) {
    const at = left.shift()
    if (!(at instanceof Error)) continue
    const { code } = at as { code?: unknown }
    if (typeof code === 'string' && /^[a-z]+(?:-[a-z]+)*$/.test(code)) return code
    left.push(...(at instanceof AggregateError ? at.errors : []), at.cause)
  }
  return undefined
}

/** What an error says; its name where it says nothing. Anything may be thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message || error.name : String(error))
