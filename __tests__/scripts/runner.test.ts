import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type BundleResult, type BundleRun, parseFileCommands, runBundle } from '../../scripts/runner.ts'

const root = mkdtempSync(join(tmpdir(), 'runner-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

beforeAll(() => {
  mkdirSync(join(root, 'actions/demo'), { recursive: true })
  mkdirSync(join(root, 'dist/demo/post'), { recursive: true })
  writeFileSync(join(root, 'package.json'), '{"type":"module"}')
  writeFileSync(
    join(root, 'actions/demo/action.yml'),
    `name: demo
description: demo
inputs:
  mode: { description: m, required: true }
  wait time: { description: w, default: 5m }
  count: { description: c, default: 3 }
  token: { description: t, default: '\${{ github.token }}' }
runs: { using: node24, main: ../../dist/demo/index.js, post: ../../dist/demo/post/index.js }
`,
  )
  writeFileSync(
    join(root, 'dist/demo/index.js'),
    `import { appendFileSync as append } from 'node:fs'
import { spawn } from 'node:child_process'
const { env } = process
append(env.GITHUB_OUTPUT, 'mode=' + env.INPUT_MODE + '\\nmany<<E\\ntwo\\nlines\\nE\\n')
append(env.GITHUB_STATE, 'lease=held\\n')
append(env.GITHUB_ENV, 'ADDED=yes\\n')
append(env.GITHUB_PATH, '/added\\n')
append(env.GITHUB_STEP_SUMMARY, 'main summary\\n')
if (env.INPUT_MODE === 'inputs') console.log(JSON.stringify(Object.fromEntries(Object.entries(env).filter(([name]) => /^(INPUT|GITHUB|RUNNER|GIVEN)/.test(name)))))
if (env.INPUT_MODE === 'stdin') process.stdin.on('data', (text) => console.log('read ' + text))
if (env.INPUT_MODE === 'fail') { console.error('::error::bad'); process.exitCode = 3 }
if (env.INPUT_MODE === 'hang') {
  const child = spawn('sleep', ['60'], { stdio: 'inherit' })
  process.on('SIGINT', () => { console.log('interrupted'); child.kill(); process.exitCode = 5 })
  console.log('child ' + child.pid)
}
`,
  )
  writeFileSync(
    join(root, 'dist/demo/post/index.js'),
    `import { appendFileSync as append } from 'node:fs'
const { env } = process
console.log('post', env.STATE_lease, env.ADDED, env.PATH.split(':')[0], env.INPUT_MODE)
append(env.GITHUB_STEP_SUMMARY, 'post summary\\n')
if (env.INPUT_MODE === 'post-fails') process.exitCode = 4
`,
  )
})

const run = (mode: string, more: Partial<BundleRun> = {}): Promise<BundleResult> => {
  const temp = mkdtempSync(join(root, 'temp-'))
  return runBundle({ action: 'demo', root, temp, inputs: { mode }, ...more })
}

test('main gets its inputs, defaults and files; post gets the state, and what main added', async () => {
  process.env.GITHUB_TOKEN = 'of the surroundings'
  process.env.INPUT_STRAY = 'x'
  const result = await run('inputs', { env: { GIVEN: 'yes', GITHUB_SHA: 'abc' }, cwd: root })
  const [first = '', last] = result.log.split('\n')
  expect(JSON.parse(first)).toEqual({
    ...Object.fromEntries(['OUTPUT', 'STATE', 'ENV', 'PATH', 'STEP_SUMMARY'].map((name) => [`GITHUB_${name}`, expect.any(String)])),
    INPUT_MODE: 'inputs',
    INPUT_WAIT_TIME: '5m',
    INPUT_COUNT: '3',
    INPUT_TOKEN: '',
    GITHUB_ACTIONS: 'true',
    GITHUB_WORKSPACE: root,
    GITHUB_SHA: 'abc',
    RUNNER_TEMP: join(result.temp, 'runner'),
    GIVEN: 'yes',
  })
  expect(last).toBe('post held yes /added inputs')
  expect(result).toMatchObject({
    code: 0,
    outputs: { mode: 'inputs', many: 'two\nlines' },
    state: { lease: 'held' },
    summary: 'main summary\npost summary\n',
  })
})

test('post runs after a failure; its own failure counts; it can be left out', async () => {
  const failed = await run('fail')
  expect([failed.code, failed.commands, failed.log]).toEqual([
    3,
    [{ name: 'error', properties: {}, data: 'bad' }],
    '::error::bad\npost held yes /added fail',
  ])
  expect((await run('post-fails')).code).toBe(4)
  expect((await run('fail', { post: 'never' })).log).toBe('::error::bad')
})

test('main gets stdin', async () => {
  expect((await run('stdin', { stdin: 'text', post: 'never' })).log).toBe('read text')
  expect((await run('stdin', { stdin: Readable.from(['piped']), post: 'never' })).log).toBe('read piped')
})

const alive = (pid: number): boolean => {
  try {
    // A zombie that nobody waits for is dead.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

test('a cancel interrupts main, and post runs', async () => {
  const cancel = new AbortController()
  const result = await run('hang', { signal: cancel.signal, onLine: (line) => line.startsWith('child') && cancel.abort() })
  expect(result.log).toMatch(/^child \d+\ninterrupted\npost held/)
  expect(result.code).toBe(5)
})

test('a kill ends main and what it started at once; what it had written stays', async () => {
  const kill = new AbortController()
  const result = await run('hang', { kill: kill.signal, post: 'never', onLine: (line) => line.startsWith('child') && kill.abort() })
  expect([result.code, result.state, result.outputs.mode]).toEqual([137, { lease: 'held' }, 'hang'])
  const pid = Number(/child (\d+)/.exec(result.log)?.[1])
  for (let i = 0; i < 50 && alive(pid); i++) await new Promise((done) => setTimeout(done, 20))
  expect(alive(pid)).toBe(false)
})

test('unknown inputs are refused', async () => {
  await expect(run('x', { inputs: { mode: 'x', mood: 'y' } })).rejects.toThrow(
    'demo has no input mood; its inputs: mode, wait time, count, token',
  )
})

test('file commands', () => {
  expect(parseFileCommands('a=1\nb<<X\n=\nX y\nX\nc=x<<y\nempty=\n')).toEqual({ a: '1', b: '=\nX y', c: 'x<<y', empty: '' })
  expect(() => parseFileCommands('a<<X\n1\n')).toThrow('the value of a has no end')
})
