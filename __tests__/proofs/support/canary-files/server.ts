// A small server that speaks Prometheus' query API, and answers what a case says.
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Case } from './case.ts'

export interface Answering {
  url: string
  /** How many requests came. */
  asked(): number
  close(): Promise<void>
}

const word = (value: number): string => (Math.abs(value) === Infinity ? (value > 0 ? '+Inf' : '-Inf') : String(value))

type Answer = NonNullable<Case['answer']>

/** The values of one time, as a list. */
function valuesAt(answer: Answer, query: string, seconds: number): number[] {
  const values = answer(query, seconds)
  return values === undefined ? [] : Array.isArray(values) ? values : [values]
}

/** What `/api/v1/query` and `/api/v1/query_range` have as `data`. */
function dataOf(answer: Answer, form: URLSearchParams, began: number): object {
  const query = form.get('query') ?? ''
  const at = (time: number): number[] => valuesAt(answer, query, time - began)
  const labels = (i: number) => ({ series: String(i) })
  const start = form.get('start')
  if (start !== null) {
    const [end, step] = [Number(form.get('end')), Number(form.get('step'))]
    const times = Array.from({ length: Math.floor((end - Number(start)) / step + 1e-9) + 1 }, (_, i) => Number(start) + i * step)
    const rows = times.map((time) => ({ time, values: at(time) }))
    const width = Math.max(0, ...rows.map(({ values }) => values.length))
    const series = Array.from({ length: width }, (_, i) => ({
      metric: labels(i),
      values: rows.flatMap(({ time, values }) => (i < values.length ? [[time, word(values[i] ?? NaN)]] : [])),
    }))
    return { resultType: 'matrix', result: series }
  }
  const time = Number(form.get('time') ?? Date.now() / 1000)
  const values = at(time)
  if (query.startsWith('scalar(')) return { resultType: 'scalar', result: [time, word(values[0] ?? NaN)] }
  if (query.endsWith(']'))
    return { resultType: 'matrix', result: values.map((value, i) => ({ metric: labels(i), values: [[time, word(value)]] })) }
  return { resultType: 'vector', result: values.map((value, i) => ({ metric: labels(i), value: [time, word(value)] })) }
}

async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  const form = new URL(request.url ?? '', 'http://server').searchParams
  for (const [name, value] of new URLSearchParams(await text(request))) form.append(name, value)
  return form
}

const listening = (server: Server): Promise<number> =>
  new Promise((done) => server.listen(0, '127.0.0.1', () => done((server.address() as AddressInfo).port)))

/** Starts the server of one case. Without an answer every vector is empty. */
export async function startAnswering(answer: Answer = () => undefined): Promise<Answering> {
  const began = Date.now() / 1000
  let asked = 0
  const server = createServer((request, response) => {
    asked++
    const send = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    formOf(request)
      .then((form) => send(200, { status: 'success', data: dataOf(answer, form, began) }))
      .catch((error: unknown) =>
        send(422, { status: 'error', errorType: 'execution', error: error instanceof Error ? error.message : String(error) }),
      )
  })
  const port = await listening(server)
  return {
    url: `http://127.0.0.1:${port}`,
    asked: () => asked,
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}
