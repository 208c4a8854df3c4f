import { z } from 'zod'
import { InputError, input, readInputs } from '../shared/action/inputs.ts'
import { isKubeconfigText } from '../shared/kubernetes/kubeconfig.ts'
import { readTarget } from './targets.ts'

const NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/

/** The inputs of action.yml. */
export const schema = z.object({
  suite: input.required({ accepts: 'the path of a suite file inside of the workspace' }),
  target: input.text(),
  'expect-version': input.text(),
  variables: input.lines(),
  secrets: input.secret(),
  deadline: input.optional(input.duration({ min: 1000, max: 6 * 3_600_000 })),
  kubeconfig: input.secret({ when: isKubeconfigText }),
  context: input.text(),
  junit: input.text(),
  'html-report': input.flag(),
})

export interface Inputs {
  suite: string
  target: string | undefined
  expectVersion: string | undefined
  variables: Record<string, string>
  /** In milliseconds; undefined is the suite's own. */
  deadline: number | undefined
  kubeconfig: string | undefined
  context: string | undefined
  /** Path of the JUnit file. */
  junit: string | undefined
  html: boolean
}

/** Throws an InputError that names every input which cannot be used. */
export function parseInputs(environment: Record<string, string | undefined>, mask: (secret: string) => void): Inputs {
  const given = readInputs(schema, environment, mask)
  const secrets = pairs('secrets', given.secrets.split(/\r?\n/))
  for (const value of Object.values(secrets)) mask(value)
  const variables = pairs('variables', given.variables)
  const twice = Object.keys(secrets).find((name) => name in variables)
  if (twice) throw new InputError([{ input: 'secrets', message: `${twice} is a variable as well` }])
  if (given.target) checkTarget(given.target)
  return {
    suite: given.suite,
    target: given.target || undefined,
    expectVersion: given['expect-version'] || undefined,
    variables: { ...variables, ...secrets },
    deadline: given.deadline,
    kubeconfig: given.kubeconfig || undefined,
    context: given.context || undefined,
    junit: given.junit || undefined,
    html: given['html-report'],
  }
}

/** `name=value` lines. A line without a name is told by its number only: it may be a secret. */
function pairs(input: string, lines: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {}
  const problems = lines.flatMap((line, at) => {
    if (line.trim() === '') return []
    const [, name = '', value = ''] = /^\s*([^=]*?)\s*=(.*)$/.exec(line) ?? []
    if (!NAME.test(name))
      return [{ input, message: `item ${at + 1} is not accepted: name=value, where a name has letters, digits, _ and -` }]
    if (name in found) return [{ input, message: `${name} is there twice` }]
    found[name] = value.trim()
    return []
  })
  if (problems.length) throw new InputError(problems)
  return found
}

function checkTarget(target: string): void {
  try {
    readTarget(target)
  } catch (error) {
    throw new InputError([{ input: 'target', message: error instanceof Error ? error.message : String(error) }])
  }
}
