// A GitHub deployment that follows the run, for teams that watch environments there. It is news about the release, never part of it:
// whatever GitHub's API does, the release goes on.

import { getOctokit } from '@actions/github'
import type { Outcome } from '../report/report.ts'
import { messageOf } from '../text/errors.ts'
import type { Host } from './run.ts'

const states = { passed: 'success', failed: 'failure', inconclusive: 'error', error: 'error' } as const

export interface Deployment {
  /** Sets the final state. `url`: where the environment can be visited. */
  finish(outcome: Outcome, description: string, url?: string): Promise<void>
}

export interface DeploymentOptions {
  /** Needs `deployments: write`. */
  token: string
  environment: string
  production?: boolean
  description?: string
  /** Milliseconds for each answer; default 10 s. */
  timeout?: number
}

/**
 * Creates a deployment of the run's commit and sets it in progress. Never throws and never waits longer than its timeout for an answer: the first
 * failure is told as a warning, and GitHub is not asked again.
 */
export async function startDeployment(
  o: DeploymentOptions,
  host: Pick<Host, 'environment' | 'story' | 'runUrl' | 'redact'>,
): Promise<Deployment> {
  const { GITHUB_REPOSITORY: repository = '', GITHUB_SHA: ref, GITHUB_API_URL: baseUrl } = host.environment
  const [owner = '', repo = ''] = repository.split('/')
  // GitHub refuses a longer one.
  const brief = (text: string): string => host.redact(text).slice(0, 140).toWellFormed()
  const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
  let id: number | undefined
  const tell = async (
    what: string,
    call: (github: ReturnType<typeof getOctokit>, request: { signal: AbortSignal }) => Promise<void>,
  ): Promise<void> => {
    try {
      const signal = AbortSignal.timeout(o.timeout ?? 10_000)
      await call(getOctokit(o.token, { ...(baseUrl ? { baseUrl } : {}), log: silent }), { signal })
    } catch (error) {
      id = undefined
      const reason = messageOf(error)
      host.story.tell(
        `GitHub shows no up-to-date deployment of ${o.environment}: it could not be ${what} (${reason}). The release goes on.`,
        'warning',
      )
    }
  }
  const setState = (state: 'in_progress' | 'success' | 'failure' | 'error', description: string, url?: string): Promise<void> =>
    tell(`set to ${state}`, async (github, request) => {
      if (id === undefined) return
      await github.rest.repos.createDeploymentStatus({
        owner,
        repo,
        deployment_id: id,
        state,
        description: brief(description),
        ...(host.runUrl ? { log_url: host.runUrl } : {}),
        ...(url ? { environment_url: host.redact(url) } : {}),
        request,
      })
    })
  await tell('created', async (github, request) => {
    if (!owner || !repo || !ref) throw new Error('GITHUB_REPOSITORY and GITHUB_SHA name no commit')
    const { data } = await github.rest.repos.createDeployment({
      owner,
      repo,
      ref,
      environment: o.environment,
      description: brief(o.description ?? ''),
      ...(o.production === undefined ? {} : { production_environment: o.production }),
      // The run itself is one of the commit's checks, and it deploys this commit, not a merge.
      required_contexts: [],
      auto_merge: false,
      request,
    })
    if (!('id' in data)) throw new Error(data.message ?? 'no deployment in the answer')
    id = data.id
  })
  if (id !== undefined) await setState('in_progress', o.description ?? '')
  return {
    finish: async (outcome, description, url) => {
      if (id !== undefined) await setState(states[outcome], description, url)
    },
  }
}
