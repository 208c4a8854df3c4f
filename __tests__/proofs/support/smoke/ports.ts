import { createServer } from 'node:net'

/** Below what systems give away by themselves, and below node ports: nobody takes one between now and its use. */
const [FIRST, LAST] = [10_240, 29_999]

/** Ports of 127.0.0.1 on which nobody listens, for programs that have to be told theirs. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>()
  while (found.size < count) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST))
    if (await isFree(port)) found.add(port)
  }
  return [...found]
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((done) => {
    const server = createServer()
    server.once('error', () => done(false))
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)))
  })
