// Pods in memory for the store: who they are, and what their metrics say at any time.
import { type PodSeen, PodsStore } from '../../../actions/canary-analyze/sources/pods.ts'
import { TestClock } from '../../support/clock.ts'

export interface PodGiven extends Partial<PodSeen> {
  name: string
  /** Of its metrics; throws, hangs or lies where a test wants that. */
  text?: (seconds: number) => string | Promise<string>
}

export const START = Date.UTC(2026, 0, 1)

/** A store over these pods, which may change while it is read. */
export function podsStore(pods: PodGiven[], { width = { now: 0, most: 0 }, timeout = 5000, seed = 1 } = {}) {
  const clock = new TestClock(START)
  const told: string[] = []
  const asked: string[] = []
  const stop = new AbortController()
  const seconds = (): number => clock.monotonic() / 1000
  const ports = {
    lists: 0,
    failing: undefined as Error | undefined,
    async pods() {
      ports.lists++
      if (ports.failing) throw ports.failing
      return pods.map((pod) => ({
        uid: `uid-of-${pod.name}`,
        labels: {},
        running: true,
        ready: true,
        containers: [{ name: 'web', restarts: 0 }],
        text: () => '',
        ...pod,
      }))
    },
    async metrics({ name, text }: PodSeen & { text: (seconds: number) => string | Promise<string> }) {
      asked.push(name)
      width.most = Math.max(width.most, ++width.now)
      try {
        // Something of a way to go.
        await Promise.resolve()
        return await text(seconds())
      } finally {
        width.now--
      }
    },
  }
  const store = new PodsStore(ports, { namespace: 'shop', timeout, seed, clock, signal: stop.signal, tell: (text) => told.push(text) })
  return { store, clock, told, asked, ports, stop, pods }
}

/** Metrics of these samples, such as `n{code="200"}`. */
export const lines = (values: Record<string, number>): string =>
  Object.entries(values)
    .map(([series, value]) => `${series} ${value}\n`)
    .join('')
