// The variables of Kayenta's templates: ${name}, ${name:-default}, and $\{name}, as stored configs have it.
import { own } from '../../shared/text/records.ts'

/** Variables that inputs of their own fill. */
const INPUT_OF: Readonly<Record<string, string>> = { scope: 'candidate and baseline', location: 'location' }
/** Values may name variables again, but not for ever. */
const DEEPEST = 10
const LONGEST = 20_000

/** How a variable without a value is given one. */
export const howToGive = (name: string): string => {
  const input = own(INPUT_OF, name)
  return input ? `give it by the input ${input}` : `give it as ${name}=... in args`
}

/** Puts values in the place of variables. `used` learns which were named. Throws an Error for one without a value, as Kayenta does. */
export function expand(template: string, values: Readonly<Record<string, string>>, used: Set<string>, depth = 0): string {
  if (depth > DEEPEST) throw new Error(`its variables name each other without end: '${template}'`)
  const text = template.replaceAll('$\\{', '${')
  let expanded = ''
  let at = 0
  for (let open = text.indexOf('${'); open >= 0; open = text.indexOf('${', at)) {
    const close = text.indexOf('}', open)
    if (close < 0) throw new Error(`'${text.slice(open, open + 40)}' has no end; a variable is written \${name}`)
    if (text[open - 1] === '$') throw new Error(`'$${text.slice(open, close + 1)}' is an escaped variable, which no query can mean`)
    expanded += text.slice(at, open) + fill(text.slice(open + 2, close), values, used, depth)
    if (expanded.length > LONGEST) throw new Error(`it is longer than ${LONGEST} characters with its variables filled`)
    at = close + 1
  }
  return expanded + text.slice(at)
}

function fill(named: string, values: Readonly<Record<string, string>>, used: Set<string>, depth: number): string {
  const [name = '', ...rest] = named.split(':-')
  used.add(name)
  const value = own(values, name) ?? (rest.length ? rest.join(':-') : undefined)
  if (value === undefined) throw new Error(`the variable \${${name}} has no value; ${howToGive(name)}`)
  return expand(value, values, used, depth + 1)
}

/** Throws an Error for what looks like a variable, of Kayenta or of others, and would go to Prometheus as text. */
export function checkFilled(query: string): void {
  for (const [left] of query.matchAll(/\$\\?\{|\{\{[^{}]*\}\}|(?<!\\)\$[A-Za-z_]\w*|\[\[\w+\]\]/g)) {
    // label_replace may name a group of its regular expression.
    if (query.includes(`<${left.slice(1)}>`)) continue
    throw new Error(`nobody fills ${left} of '${query}'; variables are filled in customInlineTemplate and templates, as \${name}`)
  }
}
