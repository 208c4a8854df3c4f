import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, expect, test } from '@jest/globals'
import { startDeployment } from '../../../actions/shared/action/deployment.ts'
import type { Host } from '../../../actions/shared/action/run.ts'
import { createStory } from '../../../actions/shared/report/story.ts'

interface Call {
  request: string
  authorization: string | undefined
  body: unknown
}

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

type Answer = (call: Call, response: ServerResponse) => void

async function github(answer: Answer): Promise<{ calls: Call[]; host: Pick<Host, 'environment' | 'story' | 'runUrl' | 'redact'> }> {
  const calls: Call[] = []
  const listen = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const call = {
      request: `${request.method} ${request.url}`,
      authorization: request.headers.authorization,
      body: JSON.parse(await text(request)) as unknown,
    }
    calls.push(call)
    answer(call, response)
  }
  server = createServer((request, response) => void listen(request, response))
  await new Promise<void>((done) => server?.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  const silent = { phase: () => undefined, line: () => undefined, untrusted: () => undefined }
  const environment = { GITHUB_REPOSITORY: 'o/r', GITHUB_SHA: 'abc123', GITHUB_API_URL: `http://127.0.0.1:${port}/api/v3` }
  const redact = (text: string): string => text.replaceAll('hunter2', '***')
  const story = createStory(() => 0, silent)
  return { calls, host: { environment, story, redact, runUrl: 'https://ghes.example/o/r/actions/runs/7' } }
}

const json = (response: ServerResponse, status: number, body: unknown): void =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))

const works: Answer = (_, response) => json(response, 201, { id: 42 })
const options = { token: 't0ken', environment: 'production', production: true }

test.each([
  ['passed', 'success'],
  ['failed', 'failure'],
  ['inconclusive', 'error'],
  ['error', 'error'],
] as const)('a %s release ends as %s', async (outcome, state) => {
  const { calls, host } = await github(works)
  const deployment = await startDeployment(options, host)
  await deployment.finish(outcome, 'x'.repeat(500), 'https://app.example')
  expect(calls).toEqual([
    {
      request: 'POST /api/v3/repos/o/r/deployments',
      authorization: 'token t0ken',
      body: {
        ref: 'abc123',
        environment: 'production',
        description: '',
        production_environment: true,
        required_contexts: [],
        auto_merge: false,
      },
    },
    {
      request: 'POST /api/v3/repos/o/r/deployments/42/statuses',
      authorization: 'token t0ken',
      body: { state: 'in_progress', description: '', log_url: host.runUrl },
    },
    {
      request: 'POST /api/v3/repos/o/r/deployments/42/statuses',
      authorization: 'token t0ken',
      body: { state, description: 'x'.repeat(140), log_url: host.runUrl, environment_url: 'https://app.example' },
    },
  ])
  expect(host.story.timeline).toEqual([])
})

test.each([
  [
    'refuses',
    ((_, response) => json(response, 403, { message: 'Resource not accessible by integration' })) satisfies Answer,
    'Resource not accessible by integration',
  ],
  ['is down', ((_, response) => void response.destroy()) satisfies Answer, ''],
  ['says something else', ((_, response) => json(response, 202, { message: 'Auto-merged' })) satisfies Answer, 'Auto-merged'],
])('when GitHub %s, one warning says so and it is not asked again', async (_, answer, reason) => {
  const { calls, host } = await github(answer)
  const deployment = await startDeployment(options, host)
  await deployment.finish('passed', 'done')
  expect(calls).toHaveLength(1)
  expect(host.story.timeline).toEqual([
    expect.objectContaining({
      level: 'warning',
      text: expect.stringContaining('no up-to-date deployment of production: it could not be created'),
    }),
  ])
  expect(host.story.timeline[0]?.text).toContain(reason)
})

test.each([1, 2, 3])('GitHub silent from call %d on costs no more than the timeout, once', async (from) => {
  let answers = 0
  const { calls, host } = await github((call, response) => (++answers < from ? works(call, response) : undefined))
  const started = Date.now()
  const deployment = await startDeployment({ ...options, timeout: 200 }, host)
  await deployment.finish('failed', 'done')
  expect(Date.now() - started).toBeLessThan(2000)
  expect(calls).toHaveLength(from)
  expect(host.story.timeline).toHaveLength(1)
})

test('GitHub that goes down in between is told once', async () => {
  let answers = 0
  const { calls, host } = await github((call, response) =>
    ++answers < 3 ? works(call, response) : json(response, 502, { message: 'Bad gateway' }),
  )
  const deployment = await startDeployment(options, host)
  await deployment.finish('passed', 'done')
  await deployment.finish('passed', 'done')
  expect(calls).toHaveLength(3)
  expect(host.story.timeline.map((moment) => moment.text)).toEqual([expect.stringContaining('could not be set to success (Bad gateway')])
})

test('outside of a run there is nothing to deploy', async () => {
  const { host } = await github(works)
  await startDeployment(options, { ...host, environment: {} })
  expect(host.story.timeline[0]?.text).toContain('GITHUB_REPOSITORY and GITHUB_SHA name no commit')
})

test('what is sent holds no secret, also where it is cut', async () => {
  const { calls, host } = await github(works)
  const deployment = await startDeployment({ ...options, description: 'hunter2' }, host)
  await deployment.finish('failed', `${'x'.repeat(136)}hunter2`, 'https://app.example/?key=hunter2')
  expect(calls.map(({ body }) => body)).toEqual([
    expect.objectContaining({ description: '***' }),
    expect.objectContaining({ description: '***' }),
    expect.objectContaining({ description: `${'x'.repeat(136)}***`, environment_url: 'https://app.example/?key=***' }),
  ])
})
