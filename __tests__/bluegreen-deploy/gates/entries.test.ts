import { expect, test } from '@jest/globals'
import { entriesGate } from '../../../actions/bluegreen-deploy/gates/entries.ts'
import type { Color } from '../../../actions/bluegreen-deploy/release/names.ts'
import type { KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'
import { revisionOf, room } from '../room.ts'
import { app } from '../stage.ts'

/** Watches the entries of a release of two Services for a minute, while `act` does something to them after ten seconds. */
async function watched(
  act: (put: (name: string, color: Color | undefined, labels?: object) => void, drop: (name: string) => void) => void,
) {
  const { clock, cluster, reach } = room()
  const other = { ...(app('v1')[2] as KubeObject), metadata: { name: 'web-admin' } }
  const revision = revisionOf([...app('v1'), other])
  const put = (name: string, color: Color | undefined, labels: object = { 'devops-actions/release': 'web' }): void => {
    cluster.put({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'shop', labels: { ...labels } },
      spec: { selector: { app: 'web', ...(color && { color }) } },
    })
  }
  put('web', 'green')
  put('web-admin', 'green')
  const drop = (name: string): void => {
    for (const service of cluster.all('Service')) if (service.metadata.name === name) cluster.drop(service)
  }
  clock.after(10_000, () => act(put, drop))
  const over = new AbortController()
  clock.after(60_000, () => over.abort(new Error('over')))
  const ended = await entriesGate(reach, revision)
    .watch(over.signal)
    .then(
      ({ verdict }) => verdict,
      (error: unknown) => String(error),
    )
  return { ended, at: clock.monotonic() }
}

test('traffic that stays is nothing to object to, whatever else is done to the Services', async () => {
  expect(await watched((put) => put('web', 'green', { 'devops-actions/release': 'web', team: 'a' }))).toEqual({
    ended: 'passed',
    at: 60_000,
  })
})

test.each<[string, Parameters<typeof watched>[0], string]>([
  ['lets the first entry select the old color', (put) => put('web', 'blue'), 'Service/web no longer selects green'],
  ['lets the second one', (put) => put('web-admin', 'blue'), 'Service/web-admin no longer selects green'],
  ['takes the color out', (put) => put('web', undefined), 'Service/web no longer selects green'],
  ['deletes an entry', (_, drop) => drop('web-admin'), 'Service/web-admin no longer selects green'],
])('somebody who %s ends the watch at once, as an error', async (_, act, words) => {
  const { ended, at } = await watched(act)
  expect(ended).toContain(words)
  expect(at).toBe(10_000)
})
