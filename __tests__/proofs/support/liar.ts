// A program of a pod that answers /check and /metrics as it is told: LIES in its environment, or POST /control, is `{ path: answer }`.
import { createServer, type ServerResponse } from 'node:http'

export interface Lie {
  status?: number
  headers?: Record<string, string | string[]>
  body?: string
  /** Sends the body so many times; -1 never ends. */
  repeat?: number
  /** Milliseconds between two times. */
  every?: number
  /** Breaks the connection instead of ending the answer. */
  cut?: boolean
  /** Never answers. */
  silent?: boolean
  /** Answers so only at each n-th request, and well at the others. */
  nth?: number
}
export type Lies = Record<string, Lie>

const version = process.env['VERSION'] ?? 'liar'
const lies = new Map<string, Lie>(Object.entries(JSON.parse(process.env['LIES'] || '{}') as Lies))
let ready = true
let asked = 0

async function lie(response: ServerResponse, { status = 200, headers = {}, body = '', repeat = 1, every = 0, cut, silent }: Lie) {
  if (silent) return
  response.writeHead(status, headers)
  for (let left = repeat; left !== 0; left--) {
    if (response.destroyed) return
    if (!response.write(body)) await new Promise<void>((resolve) => void response.once('drain', resolve).once('close', resolve))
    if (every) await new Promise((resolve) => setTimeout(resolve, every))
  }
  if (cut) response.destroy()
  else response.end()
}

const server = createServer((request, response) => {
  const path = (request.url ?? '').split('?')[0] ?? ''
  if (path === '/control') {
    let text = ''
    request.setEncoding('utf8').on('data', (more: string) => (text += more))
    request.on('end', () => {
      const { ready: wish, crash, flap, ...rest } = JSON.parse(text) as Lies & { ready?: boolean; crash?: boolean; flap?: number }
      if (wish !== undefined) ready = wish
      if (flap) setInterval(() => (ready = !ready), flap)
      for (const [at, answer] of Object.entries(rest)) lies.set(at, answer as Lie)
      response.end(() => crash && process.exit(3))
    })
    return
  }
  const told = lies.get(path)
  if (told && ++asked % (told.nth ?? 1) === 0) return void lie(response, told)
  const status = path === '/health' && !ready ? 503 : 200
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ version, pod: process.env['HOSTNAME'], color: process.env['COLOR'] ?? '' }))
})
server.keepAliveTimeout = 75_000
server.listen(3000, process.env['POD_IP'])
process.on('SIGTERM', () => setTimeout(() => process.exit(0), 500))
if (process.env['FLAP']) setInterval(() => (ready = !ready), Number(process.env['FLAP']))
