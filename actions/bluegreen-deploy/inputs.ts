import { z } from 'zod'
import { input, readInputs, readVariables, shown } from '../shared/action/inputs.ts'
import { HTTP_PATH } from '../shared/kubernetes/api/cluster.ts'
import { DNS_LABEL } from '../shared/kubernetes/api/connect.ts'
import { isSecretKubeconfig } from '../shared/kubernetes/api/kubeconfig.ts'
import { COMMANDS, type Config } from './config.ts'
import { parseOverride } from './manifests/images.ts'

const HOUR = 3_600_000
const CHECK_PATH = new RegExp(`^off$|${HTTP_PATH.source}`, 'i')

/** The inputs of action.yml. */
export const schema = z
  .object({
    command: input.choice(COMMANDS, { default: 'deploy' }),
    // 40, so that names made of it (Secrets of revisions) stay below 63.
    name: input.required({ matches: /^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/, accepts: 'lower-case letters, digits and dashes, at most 40' }),
    namespace: input.text({ matches: DNS_LABEL, accepts: 'a namespace: lower-case letters, digits and dashes, at most 63' }),
    manifests: input.lines(),
    images: input.lines(),
    revision: input.optional(input.integer({ min: 1 })),
    'dry-run': input.flag(),
    kubeconfig: input.secret({ when: isSecretKubeconfig }),
    context: input.text(),
    'ready-deadline': input.duration({ default: '10m', min: 1_000, max: 24 * HOUR }),
    'check-path': input.text({
      matches: CHECK_PATH,
      accepts: 'a path that begins with a slash, such as /health, without dot segments; or off',
    }),
    'check-port': input.text({ matches: /^[a-z0-9-]{1,15}$/, accepts: 'a port of the Service, by name or number' }),
    'check-timeout': input.duration({ default: '5s', min: 100, max: 60_000 }),
    'check-passes': input.integer({ default: '3', min: 1, max: 100 }),
    'check-deadline': input.duration({ default: '1m', min: 0, max: HOUR }),
    'check-interval': input.duration({ default: '5s', min: 500, max: HOUR }),
    'propagation-time': input.duration({ default: '5s', min: 0, max: HOUR }),
    'bake-time': input.duration({ default: '5m', min: 0, max: 24 * HOUR }),
    'min-requests': input.integer({ default: '10', min: 0, max: 1e9 }),
    'metrics-path': input.text({
      default: '/metrics',
      matches: HTTP_PATH,
      accepts: 'a path that begins with a slash, such as /metrics, without dot segments',
    }),
    'on-inconclusive': input.choice(['pass', 'fail', 'rollback'], { default: 'pass' }),
    retire: input.choice(['scale', 'keep', 'delete'], { default: 'scale' }),
    'retire-delay': input.duration({ default: '30s', min: 0, max: 24 * HOUR }),
    'lock-timeout': input.duration({ default: '1m', min: 0, max: 6 * HOUR }),
    'lease-duration': input.duration({ default: '30s', min: 2_000, max: HOUR }),
    'api-timeout': input.duration({ default: '1m', min: 1_000, max: HOUR }),
    'smoke-suite': input.text(),
    'expect-version': input.text(),
    'smoke-variables': input.lines(),
    'smoke-secrets': input.secret(),
    environment: input.text(),
    'environment-url': input.text({ matches: /^https?:\/\/\S+$/, accepts: 'a URL' }),
    'github-token': input.secret(),
    'html-report': input.flag(),
  })
  .check(
    z.superRefine((given, context) => {
      const refuse = (name: string, message: string) => context.addIssue({ code: 'custom', path: [name], message })
      const { command } = given
      const releases = command === 'deploy' || command === 'prepare'
      if (releases && given.manifests.length === 0)
        refuse('manifests', `is required for ${command}: files, folders, globs or a Kustomize folder`)
      if (!releases && given.manifests.length > 0)
        refuse('manifests', `is for deploy and prepare only; ${command} works on what was released before`)
      if (!releases && given.images.length > 0) refuse('images', 'is for deploy and prepare only')
      if (!releases && given['dry-run']) refuse('dry-run', 'is for deploy and prepare only')
      if (command === 'promote' && given.revision === undefined) refuse('revision', "is required for promote: prepare's output revision")
      if (command !== 'promote' && command !== 'rollback' && given.revision !== undefined)
        refuse('revision', 'is for promote and rollback only')
      if (given['lease-duration'] % 1000 !== 0)
        refuse('lease-duration', `'${given['lease-duration'] / 1000}s' is not accepted: whole seconds`)
      for (const name of ['expect-version', 'smoke-variables', 'smoke-secrets'] as const)
        if (given[name].length && !given['smoke-suite']) refuse(name, 'is for a smoke-suite; give that too')
      if (given.environment && !given['github-token']) refuse('github-token', 'is required when environment is given')
      const seen = new Set<string>()
      for (const text of given.images) {
        const override = parseOverride(text)
        if (!override) refuse('images', `${shown(text)} is not accepted: name=reference, such as backend=ghcr.io/org/backend:v2`)
        else if (seen.has(override.name)) refuse('images', `${override.name} is there twice`)
        else seen.add(override.name)
      }
    }),
  )

export interface Inputs {
  config: Omit<Config, 'namespace'> & { namespace: string | undefined }
  manifests: string[]
  kubeconfig: string | undefined
  context: string | undefined
  /** How long a call is tried again when the API server is away, in milliseconds. */
  apiTimeout: number
  /** A suite in the workspace, and what it is given. */
  smoke: { suite: string; expectVersion: string | undefined; variables: Record<string, string> } | undefined
  deployment: { environment: string; url: string; token: string } | undefined
  html: boolean
}

/** Throws an InputError that names every input which cannot be used. */
export function parseInputs(environment: Record<string, string | undefined>, mask: (secret: string) => void): Inputs {
  const given = readInputs(schema, environment, mask)
  return {
    config: {
      command: given.command,
      name: given.name,
      namespace: given.namespace || undefined,
      images: given.images.flatMap((text) => parseOverride(text) ?? []),
      revision: given.revision,
      dryRun: given['dry-run'],
      readyDeadline: given['ready-deadline'],
      propagationTime: given['propagation-time'],
      check: {
        path: given['check-path'] || undefined,
        port: given['check-port'] || undefined,
        timeout: given['check-timeout'],
        passes: given['check-passes'],
        deadline: given['check-deadline'],
        interval: given['check-interval'],
      },
      bake: {
        time: given['bake-time'],
        minRequests: given['min-requests'],
        metricsPath: given['metrics-path'],
        onInconclusive: given['on-inconclusive'],
      },
      retire: { how: given.retire, delay: given['retire-delay'] },
      lock: { timeout: given['lock-timeout'], leaseDuration: given['lease-duration'] },
    },
    manifests: given.manifests,
    kubeconfig: given.kubeconfig || undefined,
    context: given.context || undefined,
    apiTimeout: given['api-timeout'],
    smoke: given['smoke-suite']
      ? {
          suite: given['smoke-suite'],
          expectVersion: given['expect-version'] || undefined,
          variables: readVariables(['smoke-variables', given['smoke-variables']], ['smoke-secrets', given['smoke-secrets']], mask),
        }
      : undefined,
    deployment: given.environment
      ? { environment: given.environment, url: given['environment-url'], token: given['github-token'] }
      : undefined,
    html: given['html-report'],
  }
}
