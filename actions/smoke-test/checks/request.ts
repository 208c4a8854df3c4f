// Heads of requests, shared by the checks that send one.
import { Fault } from '../fault.ts'

interface Credentials {
  basic?: { user: string; password: string } | undefined
  bearer?: string | undefined
}

/** The header that carries credentials, masked before it is sent: whoever gets it may say it again. */
export function credentials({ basic, bearer }: Credentials, mask: (secret: string) => void): Record<string, string> {
  if (bearer !== undefined) return { authorization: `Bearer ${bearer}` }
  if (!basic) return {}
  const composed = Buffer.from(`${basic.user}:${basic.password}`).toString('base64')
  mask(composed)
  return { authorization: `Basic ${composed}` }
}

/** The Cookie header; empty without cookies. Throws a Fault for a value that would be more than one cookie. */
export function cookieHeader(cookies: ReadonlyMap<string, string>): string {
  for (const [name, value] of cookies)
    if (/[;\s\p{Cc}]/u.test(value)) throw new Fault('capture', 'answer', `the value of cookie ${name} cannot be sent as a cookie`)
  return [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
}
