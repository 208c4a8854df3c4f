import { afterEach, expect, test } from '@jest/globals'
import { ApiError } from '../../../../actions/shared/kubernetes/api/cluster.ts'
import { Lease, type LeaseOptions, Superseded } from '../../../../actions/shared/kubernetes/api/lease.ts'
import type { LeaseObject } from '../../../../actions/shared/kubernetes/objects/read.ts'
import { TestClock } from '../../../support/clock.ts'
import { type Call, intercept, MemoryCluster } from '../../../support/memory-cluster.ts'

const REF = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace: 'shop', name: 'bluegreen-web' }
const conflict = (): never => {
  throw new ApiError('update', 'Lease/bluegreen-web', 409, { message: 'the object has been modified' })
}

/** A lease that nobody lets go would be renewed for ever. */
const leases: Lease[] = []
afterEach(() => Promise.allSettled(leases.splice(0).map((lease) => lease.release())))

class Scene {
  readonly clock = new TestClock()
  readonly cluster = new MemoryCluster(this.clock)
  readonly told: string[] = []

  /** Acquires as `identity`; `hooks` stand between it and the cluster. */
  async acquire(identity: string, more: Partial<LeaseOptions> = {}, hooks: Parameters<typeof intercept>[1] = {}): Promise<Lease> {
    const lease = await Lease.acquire({
      cluster: intercept(this.cluster, hooks),
      clock: this.clock,
      signal: new AbortController().signal,
      namespace: 'shop',
      name: 'bluegreen-web',
      labels: { 'devops-actions/release': 'web' },
      identity,
      url: `https://ci.example/${identity}`,
      duration: 30_000,
      timeout: 60_000,
      atLeast: 0,
      tell: (text) => this.told.push(text),
      ...more,
    })
    leases.push(lease)
    return lease
  }

  get live(): LeaseObject | undefined {
    return this.cluster.all<LeaseObject>('Lease')[0]
  }

  /** Somebody else's holding, as it lies there. */
  put(spec: LeaseObject['spec'], annotations: Record<string, string> = {}): void {
    this.cluster.put({ ...REF, metadata: { name: REF.name, namespace: REF.namespace, annotations }, spec })
  }
}

test('a free lease is taken at once and says who holds it', async () => {
  const scene = new Scene()
  const lease = await scene.acquire('one')
  expect(scene.clock.monotonic()).toBe(0)
  expect([lease.generation, lease.takenOver]).toEqual([1, false])
  expect(scene.live).toMatchObject({
    metadata: { labels: { 'devops-actions/release': 'web' }, annotations: { 'devops-actions/run-url': 'https://ci.example/one' } },
    spec: {
      holderIdentity: 'one',
      leaseDurationSeconds: 30,
      leaseTransitions: 1,
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:00:00.000000Z',
    },
  })
})

test('each holder has a higher generation, also after the lease was deleted; who let go is not waited for', async () => {
  const scene = new Scene()
  const first = await scene.acquire('one')
  await first.release()
  expect(scene.live?.spec?.holderIdentity).toBe('')
  const second = await scene.acquire('two')
  expect([second.generation, second.takenOver, scene.clock.monotonic()]).toEqual([2, false, 0])
  await second.release()
  await scene.cluster.delete(REF)
  const third = await scene.acquire('three', { atLeast: 2 })
  expect(third.generation).toBe(3)
})

test('what others wrote on the lease stays', async () => {
  const scene = new Scene()
  scene.put({ holderIdentity: '', leaseTransitions: 7 }, { team: 'shop' })
  const lease = await scene.acquire('one')
  expect(lease.generation).toBe(8)
  expect(scene.live?.metadata.annotations).toEqual({ team: 'shop', 'devops-actions/run-url': 'https://ci.example/one' })
})

test('its own lease is taken at once, as one that was not let go', async () => {
  const scene = new Scene()
  scene.put({ holderIdentity: 'one', leaseDurationSeconds: 30, leaseTransitions: 4 })
  const lease = await scene.acquire('one')
  expect([lease.generation, lease.takenOver, scene.clock.monotonic()]).toEqual([5, true, 0])
})

test.each([
  ['its own duration', 30, 15_000, 30_000],
  ['that of the holder, when it is longer', 50, 30_000, 50_000],
  ['that of the observer, when it is longer', 10, 30_000, 30_000],
])('a silent holder is waited for by %s, whatever time it wrote', async (_, promised, duration, after) => {
  for (const renewTime of ['2020-01-01T00:00:00.000000Z', '2030-01-01T00:00:00.000000Z', 'nonsense']) {
    const scene = new Scene()
    scene.put({ holderIdentity: 'dead', leaseDurationSeconds: promised, renewTime, leaseTransitions: 1 })
    // Each answer takes a while.
    const lease = await scene.acquire('two', { duration }, { hold: () => scene.clock.sleep(5) })
    expect(scene.clock.monotonic()).toBeGreaterThanOrEqual(after)
    expect(scene.clock.monotonic()).toBeLessThanOrEqual(after + 1_500)
    expect([lease.generation, lease.takenOver]).toEqual([2, true])
  }
})

test('the observation begins anew with every sign of life', async () => {
  const scene = new Scene()
  const sign = (at: number) => scene.put({ holderIdentity: 'dying', leaseDurationSeconds: 30, leaseTransitions: 1, renewTime: String(at) })
  for (const at of [0, 20_000, 40_000]) scene.clock.after(at, () => sign(at))
  await scene.clock.sleep(1)
  await scene.acquire('two', { timeout: 100_000 })
  expect(scene.clock.monotonic()).toBeGreaterThanOrEqual(70_000)
  expect(scene.clock.monotonic()).toBeLessThanOrEqual(72_000)
})

test('a holder that lives is named when the patience is over, and told of before', async () => {
  const scene = new Scene()
  await scene.acquire('one')
  const refused = scene.acquire('two', { timeout: 100_000 })
  await expect(refused).rejects.toThrow(Superseded)
  await expect(refused).rejects.toThrow(
    'bluegreen-web is being released by one (https://ci.example/one), which is alive; wait for it or cancel it, then try again',
  )
  expect(scene.told).toEqual(['waiting for one (https://ci.example/one): it is taken over after 30s without a sign of life'])
  expect(scene.clock.monotonic()).toBeGreaterThanOrEqual(100_000)
  expect(scene.live?.spec?.holderIdentity).toBe('one')
})

test('of several at the same time one gets it, the next when that one lets go', async () => {
  const scene = new Scene()
  const held: string[] = []
  let under = 0
  const work = async (identity: string) => {
    const lease = await scene.acquire(identity, { timeout: 600_000 })
    held.push(`${identity} ${lease.generation} ${++under}`)
    await scene.clock.sleep(40_000)
    await lease.assertHeld()
    under--
    await lease.release()
  }
  await Promise.all(['a', 'b', 'c'].map(work))
  expect(held.map((line) => line.slice(2)).sort()).toEqual(['1 1', '2 1', '3 1'])
})

test('a taking whose answer was lost is found again', async () => {
  const scene = new Scene()
  let lost = false
  const after = ({ write }: Call) => {
    if (!write || lost) return
    lost = true
    conflict()
  }
  const lease = await scene.acquire('one', {}, { after })
  expect(scene.live?.spec?.holderIdentity).toBe('one')
  await lease.assertHeld()
})

test('a cancel ends the waiting', async () => {
  const scene = new Scene()
  scene.put({ holderIdentity: 'dead', leaseDurationSeconds: 30 })
  const stop = new AbortController()
  scene.clock.after(5_000, () => stop.abort(new Error('cancelled')))
  await expect(scene.acquire('two', { signal: stop.signal })).rejects.toThrow('cancelled')
  expect(scene.clock.monotonic()).toBe(5_000)
})

test('a holder renews every third of its lease, so that nobody takes it', async () => {
  const scene = new Scene()
  const lease = await scene.acquire('one')
  const renewals: number[] = []
  scene.cluster.onChange(() => renewals.push(scene.clock.monotonic()))
  await scene.clock.sleep(60_000)
  await lease.assertHeld()
  expect(renewals.slice(0, 5)).toEqual([10_000, 20_000, 30_000, 40_000, 50_000])
  expect(scene.live?.spec).toMatchObject({ acquireTime: '2026-01-01T00:00:00.000000Z', holderIdentity: 'one' })
  await lease.release()
  const { length } = renewals
  await scene.clock.sleep(60_000)
  expect(renewals).toHaveLength(length)
})

test('an API that is away does not end it: it holds for two thirds, then every write fails until a renewal arrives', async () => {
  const scene = new Scene()
  let away = false
  const before = () => {
    if (away) throw new ApiError('update', 'Lease/bluegreen-web', 0, { message: 'connection refused' })
  }
  const lease = await scene.acquire('one', {}, { before })
  away = true
  await scene.clock.sleep(19_000)
  await lease.assertHeld()
  await scene.clock.sleep(2_000)
  await expect(lease.assertHeld()).rejects.toThrow('cannot update Lease/bluegreen-web: connection refused')
  away = false
  await lease.assertHeld()
  await lease.release()
  expect(scene.live?.spec?.holderIdentity).toBe('')
})

test('a renewal over what somebody labelled, or whose own answer was lost, is made over what is there', async () => {
  const scene = new Scene()
  let lost = 0
  const after = ({ verb }: Call) => {
    if (verb === 'replace' && ++lost === 1) conflict()
  }
  const lease = await scene.acquire('one', {}, { after })
  await scene.clock.sleep(10_500)
  expect(lost).toBe(2)
  await scene.cluster.patch(REF, { metadata: { labels: { seen: 'yes' } } }, 'somebody')
  await scene.clock.sleep(10_000)
  await lease.assertHeld()
  expect(scene.live?.metadata.labels).toEqual({ 'devops-actions/release': 'web', seen: 'yes' })
})

/** What may have become of a lease while its holder was not looking. */
const losses: [string, (scene: Scene) => void, string][] = [
  ['another holds it', (scene) => scene.put({ ...scene.live?.spec, holderIdentity: 'two', leaseTransitions: 2 }), 'now by two'],
  ['another held it and let go', (scene) => scene.put({ ...scene.live?.spec, holderIdentity: '', leaseTransitions: 2 }), 'now by nobody'],
  ['a later run of the same name holds it', (scene) => scene.put({ ...scene.live?.spec, leaseTransitions: 2 }), 'now by one'],
  ['it was deleted', (scene) => void (scene.live && scene.cluster.drop(scene.live)), 'now by nobody'],
]
test.each(losses)('when %s, a run writes nothing more and leaves the lease alone', async (_, lose, by) => {
  const scene = new Scene()
  // The API server says conflict also for an update of what is gone, because it carries a uid.
  const before = ({ verb }: Call) => {
    if (verb === 'replace' && !scene.live) conflict()
  }
  const lease = await scene.acquire('one', {}, { before })
  await scene.clock.sleep(1_000)
  lose(scene)
  const after = JSON.stringify(scene.live)
  await scene.clock.sleep(10_000)
  const message = `bluegreen-web is no longer held by this run (${by}); this run writes nothing more`
  await expect(lease.assertHeld()).rejects.toThrow(Superseded)
  await expect(lease.assertHeld()).rejects.toThrow(message)
  await lease.release()
  expect(JSON.stringify(scene.live)).toBe(after)
})

test('a run that was frozen past its lease finds out before it writes', async () => {
  const scene = new Scene()
  let frozen = false
  const hold = () => (frozen ? new Promise<void>((resolve) => void scene.clock.after(100_000, resolve)) : Promise.resolve())
  const lease = await scene.acquire('one', {}, { hold })
  frozen = true
  const next = await scene.acquire('two')
  expect(next.takenOver).toBe(true)
  await expect(lease.assertHeld()).rejects.toThrow(/now by two/)
  await next.assertHeld()
})

test.each([
  ['promises longer than that', 3600],
  ['would be taken over a moment later', 6],
])('the timeout limits the wait for a silent holder that %s, too', async (_, promised) => {
  const scene = new Scene()
  scene.put({ holderIdentity: 'dead', leaseDurationSeconds: promised })
  const error = await scene.acquire('two', { duration: 2_000, timeout: 5_000 }).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(Superseded)
  expect((error as Error).message).toMatch(/by dead, which showed no sign of life for 5s .+ lock-timeout that is longer$/)
  expect(scene.clock.monotonic()).toBe(5_000)
})

test.each([
  ['leaseDurationSeconds', 2 ** 31 - 1],
  ['leaseDurationSeconds', -1],
  ['leaseDurationSeconds', 0.5],
  ['leaseTransitions', 2 ** 31 - 1],
  ['leaseTransitions', 1e300],
])("a Lease whose %s is %j is nobody's: an error names the object and says what to do", async (field, value) => {
  const scene = new Scene()
  // A holder whose promise is over at once, so that the count of holders is looked at.
  scene.put({ holderIdentity: field === 'leaseTransitions' ? '' : 'x', leaseTransitions: 1, [field]: value })
  const error = await scene.acquire('two', { timeout: 5_000 }).catch((thrown: unknown) => thrown)
  expect((error as Error).message).toMatch(
    new RegExp(`^Lease/bluegreen-web in namespace shop: spec.${field} is .+kubectl delete lease bluegreen-web`),
  )
  expect(scene.clock.monotonic()).toBe(0)
})

test.each([
  ['leaseDurationSeconds', '30'],
  ['leaseTransitions', [1]],
])('a Lease whose %s is %j is refused at the border, by name', async (field, value) => {
  const scene = new Scene()
  scene.put({ holderIdentity: 'x', [field]: value })
  await expect(scene.acquire('two', { timeout: 5_000 })).rejects.toThrow(`Lease/bluegreen-web cannot be read: spec.${field}: `)
})
