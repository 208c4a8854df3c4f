import { z } from 'zod'
import { asInput, input, readInputs, readVariables } from '../shared/action/inputs.ts'
import { isSecretKubeconfig } from '../shared/kubernetes/api/kubeconfig.ts'
import { readTarget } from './targets.ts'

/** The inputs of action.yml. */
export const schema = z.object({
  suite: input.required({ accepts: 'the path of a suite file inside of the workspace' }),
  target: input.text(),
  'expect-version': input.text(),
  variables: input.lines(),
  secrets: input.secret(),
  deadline: input.optional(input.duration({ min: 1000, max: 6 * 3_600_000 })),
  kubeconfig: input.secret({ when: isSecretKubeconfig }),
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
  if (given.target) asInput('target', () => readTarget(given.target))
  return {
    suite: given.suite,
    target: given.target || undefined,
    expectVersion: given['expect-version'] || undefined,
    variables: readVariables(['variables', given.variables], ['secrets', given.secrets], mask),
    deadline: given.deadline,
    kubeconfig: given.kubeconfig || undefined,
    context: given.context || undefined,
    junit: given.junit || undefined,
    html: given['html-report'],
  }
}
