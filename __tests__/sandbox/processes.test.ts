import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { DIRECTORY_VARIABLE } from '../../sandbox/checkout.ts'
import { begunInside, endCommands, type Process, signal } from '../../sandbox/processes.ts'

const processes: Process[] = [
  { pid: 1, parent: 0, dir: '' },
  { pid: 10, parent: 1, dir: '/c/a' },
  { pid: 11, parent: 10, dir: '/c/a' },
  { pid: 12, parent: 11, dir: '/c/a' },
  { pid: 20, parent: 10, dir: '/c/a' },
  { pid: 30, parent: 1, dir: '/c/b' },
]

test('what was begun inside of a cluster is found by its folder', () => {
  expect(begunInside(processes, (dir) => dir === '/c/a', 1000)).toEqual([10, 11, 12, 20])
  expect(begunInside(processes, () => true, 1000)).toEqual([10, 11, 12, 20, 30])
})

test('the process that asks, and those that wait for it, are spared', () => {
  expect(begunInside(processes, (dir) => dir === '/c/a', 12)).toEqual([20])
})

test('a circle of parents, as a number given anew may make one, ends', () => {
  const circle = [
    { pid: 5, parent: 6, dir: '/c/a' },
    { pid: 6, parent: 5, dir: '/c/a' },
  ]
  expect(begunInside(circle, () => true, 5)).toEqual([])
})

/** Whether a process runs; one that has ended and that nobody has asked about does not. */
function runs(pid: number): boolean {
  const path = `/proc/${pid}/stat`
  return existsSync(path) && !/\) Z /.test(readFileSync(path, 'utf8'))
}

test('a command is ended with what it has begun, one of another cluster is not', async () => {
  const begin = (dir: string) =>
    spawn('sh', ['-c', 'sleep 1000 & echo $!; wait'], {
      env: { ...process.env, [DIRECTORY_VARIABLE]: dir },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  const [ours, other] = [begin('/no-such-folder/ours'), begin('/no-such-folder/other')]
  const [[child]] = (await Promise.all([once(ours.stdout, 'data'), once(other.stdout, 'data')])) as [[Buffer], [Buffer]]
  try {
    const ended = once(ours, 'close')
    expect(await endCommands((dir) => dir === '/no-such-folder/ours')).toBe(2)
    await ended
    expect(runs(Number(child.toString()))).toBe(false)
    expect([other.exitCode, other.signalCode]).toEqual([null, null])
  } finally {
    expect(await endCommands((dir) => dir.startsWith('/no-such-folder/'))).toBe(2)
  }
})

test('a command that does not end when it is asked to is killed', async () => {
  const env = { ...process.env, [DIRECTORY_VARIABLE]: '/no-such-folder/deaf' }
  const deaf = spawn('sh', ['-c', 'trap "" TERM; echo ready; while :; do sleep 0.1; done'], { env, stdio: ['ignore', 'pipe', 'ignore'] })
  await once(deaf.stdout, 'data')
  const ended = once(deaf, 'exit')
  await endCommands((dir) => dir === '/no-such-folder/deaf', 0)
  expect(await ended).toEqual([null, 'SIGKILL'])
})

test('a signal to a process that has ended is no error', () => {
  expect(() => signal(2 ** 22 + 1, 'SIGTERM')).not.toThrow()
})
