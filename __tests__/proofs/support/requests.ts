// Requests at an even rate, one address after the other.
import { Agent, get, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Requests {
  /** How many were answered. */
  readonly answered: number
  stop(): Promise<void>
}

/** Sends `rps` requests a second. One that is not answered is lost, as a client would see. */
export function startRequests(urls: readonly string[], rps: number): Requests {
  const agent = new Agent({ keepAlive: true })
  const stopped = new AbortController()
  let answered = 0
  const drive = async (): Promise<void> => {
    const start = performance.now()
    for (let number = 0; !stopped.signal.aborted; ) {
      const due = ((performance.now() - start) / 1000) * rps
      for (; number < due; number++)
        get(urls[number % urls.length] ?? '', { agent }, (answer) => answer.resume().on('end', () => answered++)).on(
          'error',
          () => undefined,
        )
      await sleep(10)
    }
  }
  const driving = urls.length > 0 ? drive() : Promise.resolve()
  return {
    get answered() {
      return answered
    },
    async stop() {
      stopped.abort()
      await driving
      agent.destroy()
    },
  }
}

/** Posts JSON. Throws when the answer is not 200. */
export function postJson(url: string, body: object): Promise<void> {
  return new Promise((done, fail) => {
    const asked = request(url, { method: 'POST' }, (answer) =>
      answer.resume().on('end', () => (answer.statusCode === 200 ? done() : fail(new Error(`${url} answered ${answer.statusCode}`)))),
    )
    asked.on('error', fail).end(JSON.stringify(body))
  })
}
