// Work that ends without a result, in the way that TROUBLE names.
import { z } from 'zod'
import { input, readInputs } from '../../../../actions/shared/action/inputs.ts'
import { type Host, type Result, runAction } from '../../../../actions/shared/action/run.ts'
import { result } from './report.ts'

const never = (): Promise<never> => new Promise<never>(() => undefined)

const troubles: Record<string, (host: Host) => Promise<Result | undefined>> = {
  throw: () =>
    Promise.reject(
      new Error('GET https://x: 500 ::error::x', { cause: new AggregateError([new Error('refused'), 'no route'], 'both failed') }),
    ),
  'throw-text': () => Promise.reject('only text'),
  input: (host) =>
    Promise.resolve(readInputs(z.object({ count: input.integer(), name: input.required() }), host.environment, host.mask)).then(
      () => undefined,
    ),
  stall: never,
  crash: () => {
    setTimeout(() => {
      throw new Error('crashed beside the work')
    }, 1)
    setInterval(() => undefined, 1000)
    return never()
  },
  rejection: () => {
    void Promise.reject(new Error('nobody waited for this'))
    setInterval(() => undefined, 1000)
    return never()
  },
  'cancel-obedient': async (host) => {
    console.log('ready')
    const timer = setInterval(() => undefined, 1000)
    await new Promise((done) => host.signal.addEventListener('abort', done))
    clearInterval(timer)
    return result('failed', { headline: 'Cancelled: traffic is back on blue' })
  },
  'cancel-throws': (host) => {
    console.log('ready')
    setInterval(() => undefined, 1000)
    return new Promise((_, reject) => host.signal.addEventListener('abort', () => reject(host.signal.reason as Error)))
  },
  'cancel-stubborn': () => {
    console.log('ready')
    setInterval(() => undefined, 1000)
    return never()
  },
  nothing: () => Promise.resolve(undefined),
  'open-handle': () => {
    setInterval(() => undefined, 1000)
    return Promise.resolve(result('passed'))
  },
  unread: async (host) => {
    console.log('ready')
    for (let i = 0; i < 500; i++) {
      host.story.tell(`line ${i} ${'x'.repeat(1000)}`)
      console.error('beside')
      await new Promise((done) => setTimeout(done, 1))
    }
    return result('passed')
  },
  'no-json': () => {
    const circle: Record<string, unknown> = {}
    circle.self = circle
    return Promise.resolve(result('passed', { data: circle }))
  },
}

await runAction('demo', async (host) => troubles[host.environment.TROUBLE ?? '']?.(host))
