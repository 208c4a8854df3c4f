// Chores run beside a watch: what goes wrong with one is a word, never a verdict.
import { expect, test } from '@jest/globals'
import { begin } from '../../../actions/bluegreen-deploy/machine/chores.ts'
import { ApiError } from '../../../actions/shared/kubernetes/api/cluster.ts'
import { TestClock } from '../../support/clock.ts'
import { Stage } from '../stage.ts'

const unending = () => new AbortController().signal

test('what a chore throws is told, and stopping it is no error', async () => {
  const faults: unknown[] = []
  const chore = begin(
    unending(),
    () => Promise.reject(new Error('no quota')),
    (error) => faults.push(error),
  )
  await new TestClock().sleep(1)
  await chore.stop()
  expect(faults).toEqual([new Error('no quota')])
})

test('what is thrown because it was stopped, or the run cancelled, is not told', async () => {
  const clock = new TestClock()
  const faults: unknown[] = []
  const sleeping = (signal: AbortSignal) =>
    begin(
      signal,
      (both) => clock.sleep(60_000, both),
      (error) => faults.push(error),
    )
  await sleeping(unending()).stop()
  const run = new AbortController()
  const chore = sleeping(run.signal)
  run.abort(new Error('cancelled'))
  await chore.stop()
  expect([faults, clock.monotonic()]).toEqual([[], 0])
})

test('stop waits for what is under way', async () => {
  const clock = new TestClock()
  const log: string[] = []
  const chore = begin(
    unending(),
    async () => {
      await clock.sleep(5_000) // a write that has begun hears no signal
      log.push('written')
    },
    () => undefined,
  )
  await clock.sleep(1_000)
  await chore.stop()
  log.push('stopped')
  expect([log, clock.monotonic()]).toEqual([['written', 'stopped'], 5_000])
})

test('a release whose old pods cannot be recreated passes, with a warning and its consequence', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1' })
  const { result, told } = await stage.ok('deploy', {
    version: 'v2',
    before: ({ verb, kind, name, write }) => {
      if (write && verb === 'apply' && kind === 'Deployment' && name === 'web-blue' && stage.ledger().operation?.phase === 'bake')
        throw new ApiError('apply', 'Deployment/web-blue', 403, { message: 'a webhook says no' })
    },
  })
  expect(result).toMatchObject({ outcome: 'passed', activeColor: 'green' })
  expect(told).toMatch(
    /the pods of Deployment\/web-blue are not recreated \(.*a webhook says no\): connections that were kept open stay with the old pods of blue until they end/,
  )
  expect(stage.harm).toEqual([])
})

test('a quota that has no room for spare pods is a warning too', async () => {
  const stage = new Stage()
  await stage.ok('deploy', { version: 'v1' })
  stage.cluster.onChange(() => {
    const { phase } = stage.ledger()?.operation ?? {}
    stage.node.refusePods = phase === 'bake' ? 'exceeded quota: few' : ''
  })
  const { result, told } = await stage.ok('deploy', { version: 'v2' })
  expect(result.outcome).toBe('passed')
  expect(told).toContain('the pods of Deployment/web-blue are not recreated (pods cannot be created: exceeded quota: few)')
  expect(stage.harm).toEqual([])
})
