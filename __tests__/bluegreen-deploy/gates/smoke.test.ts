// A smoke suite decides before traffic and while the release bakes; what it could not reach is no verdict.
import { expect, test } from '@jest/globals'
import { findingOf, smokeGate } from '../../../actions/bluegreen-deploy/gates/smoke.ts'
import type { SmokeTest } from '../../../actions/bluegreen-deploy/ports.ts'
import type { Service } from '../../../actions/shared/kubernetes/objects/read.ts'
import type { SmokeResult } from '../../../actions/smoke-test/engine.ts'
import { Stage } from '../stage.ts'

const results = (outcome: SmokeResult['outcome']): SmokeResult => ({
  outcome,
  headline: { passed: '3 checks passed', failed: 'Unhealthy: login, 1 of 3 checks failed', error: 'Unreachable from here: 3 of 3' }[
    outcome
  ],
  reason: outcome === 'passed' ? '' : 'login (line 4) is bad\nand more',
  results: [],
})

/** A suite that ends as `say` says of each Service, after a second. */
const suite = (stage: Stage, say: (service: string) => SmokeResult['outcome'] | Error): { smoke: SmokeTest; asked: string[] } => {
  const asked: string[] = []
  const smoke: SmokeTest = async (service, port, signal) => {
    asked.push(`${service}:${port}`)
    await stage.clock.sleep(1000, signal)
    const said = say(service)
    if (said instanceof Error) throw said
    return results(said)
  }
  return { smoke, asked }
}

async function secondRelease(say: (service: string) => SmokeResult['outcome'] | Error) {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1' })
  const { smoke, asked } = suite(stage, say)
  const ran = await stage.run('deploy', { version: 'v2', smoke })
  return { stage, asked, ran }
}

test('a suite that passes is run on the preview, then on the Service', async () => {
  const { stage, asked, ran } = await secondRelease(() => 'passed')
  expect(ran.result).toMatchObject({ outcome: 'passed', revision: 2, switched: true })
  expect(asked).toEqual(['web-preview:http', 'web:http'])
  expect(ran.told).toContain('before traffic: smoke suite: 3 checks passed')
  expect(stage.serving()).toEqual(['v2'])
})

test('a candidate that fails it on the preview gets no traffic', async () => {
  const { stage, asked, ran } = await secondRelease(() => 'failed')
  expect(ran.result).toMatchObject({ outcome: 'failed', switched: false, rolledBack: false })
  expect(ran.result?.reason).toBe('before traffic: smoke suite: Unhealthy: login, 1 of 3 checks failed: login (line 4) is bad; and more')
  expect(asked).toEqual(['web-preview:http'])
  expect([stage.serving(), stage.harm]).toEqual([['v1'], []])
})

test('a release that fails it under traffic is taken back', async () => {
  const { stage, ran } = await secondRelease((service) => (service === 'web' ? 'failed' : 'passed'))
  expect(ran.result).toMatchObject({ outcome: 'failed', switched: true, rolledBack: true })
  expect(ran.result?.reason).toMatch(/^under traffic: smoke suite: Unhealthy/)
  expect([stage.serving(), stage.harm]).toEqual([['v1'], []])
})

test('a suite that does not get through says nothing about the candidate', async () => {
  const before = await secondRelease(() => 'error')
  expect(before.ran.error?.message).toMatch(/^before traffic: smoke suite: Unreachable from here/)
  expect(before.stage.serving()).toEqual(['v1'])
  const under = await secondRelease((service) => (service === 'web' ? 'error' : 'passed'))
  expect(under.ran.result).toMatchObject({ switched: true, rolledBack: false })
  expect(under.ran.result?.reason).toContain('smoke suite: Unreachable from here')
  expect(under.stage.serving()).toEqual(['v2'])
})

test('a defect of the suite takes the release back, and is not a verdict', async () => {
  const { stage, ran } = await secondRelease((service) => (service === 'web' ? new Error('ours') : 'passed'))
  expect(ran.error?.message).toContain('ours')
  expect(stage.serving()).toEqual(['v1'])
})

const service = { metadata: { name: 'web' }, spec: { ports: [{ port: 80 }, { name: 'admin', port: 81 }] } } as unknown as Service

test('a watch that ends before the suite does is no pass, whether it hears of the end or not', async () => {
  const hears: SmokeTest = (_, __, signal) =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
  const deaf: SmokeTest = () => new Promise(() => undefined)
  for (const test of [hears, deaf]) {
    const stop = new AbortController()
    const watching = smokeGate(test, service, 'http').watch(stop.signal)
    stop.abort(new Error('over'))
    expect(await watching).toMatchObject({ verdict: 'inconclusive', text: expect.stringContaining('a longer bake-time lets it') })
  }
})

test('the suite goes to the port that is checked, else to the first', async () => {
  const asked: string[] = []
  const suite: SmokeTest = async (name, port) => {
    asked.push(`${name}:${port}`)
    return results('passed')
  }
  const { signal } = new AbortController()
  const first = { ...service, spec: { ...service.spec, ports: [{ name: 'http', port: 80 }] } }
  await smokeGate(suite, service, undefined).watch(signal)
  await smokeGate(suite, service, 'admin').watch(signal)
  await smokeGate(suite, first, undefined).watch(signal)
  expect(asked).toEqual(['web:80', 'web:admin', 'web:http'])
  expect(findingOf(results('error')).verdict).toBe('inconclusive')
})
