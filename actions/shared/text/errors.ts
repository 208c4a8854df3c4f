/** What an error says. Whatever else was thrown is shown as text. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
