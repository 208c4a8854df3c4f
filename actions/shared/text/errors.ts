/** What an error says; its name where it says nothing. Anything may be thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message || error.name : String(error))
