// What later releases are compared with: who writes it, and when.
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { Analysis, Request, Schedule } from '../../actions/canary-analyze/engine.ts'
import { reportOf } from '../../actions/canary-analyze/evidence.ts'
import { isGoodRelease, isKept, prepareHistory, readHistory, withRelease } from '../../actions/canary-analyze/history.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'history-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const analysis: Analysis = {
  outcome: 'passed',
  headline: '',
  reason: '',
  judge: 'sequential',
  metrics: [],
  details: [],
  looks: 1,
  samples: 1,
  from: 0,
  to: 1000,
  chart: undefined,
  charts: [],
  values: { queue: 7 },
}
const live = { replay: undefined } as Schedule
const past = { replay: { from: 0, to: 1 } } as Schedule
const of = (judge: Request['judge'], schedule: Schedule): Pick<Request, 'judge' | 'schedule'> => ({ judge, schedule })

test('only a live run by the own configuration that passed and has values is a good release', () => {
  expect(isGoodRelease(of('sequential', live), analysis)).toBe(true)
  for (const outcome of ['failed', 'inconclusive', 'error'] as const)
    expect(isGoodRelease(of('sequential', live), { ...analysis, outcome })).toBe(false)
  expect(isGoodRelease(of('sequential', live), { ...analysis, values: {} })).toBe(false)
  expect(isGoodRelease(of('sequential', past), analysis)).toBe(false)
  for (const judge of ['plan', 'threshold', 'mann-whitney'] as const) {
    expect(isGoodRelease(of(judge, live), analysis)).toBe(false)
    expect(isKept(of(judge, live))).toBe(false)
  }
})

test('the last twenty are kept', () => {
  const path = join(folder, 'history.json')
  expect(readHistory(path)).toEqual({})
  for (let i = 0; i < 22; i++) writeFileSync(path, withRelease(path, { cpu: i, ...(i > 20 && { memory: 1 }) }, Date.UTC(2026, 0, 1, i)))
  const { cpu, memory } = readHistory(path)
  expect([cpu?.length, cpu?.[0], cpu?.at(-1), memory]).toEqual([20, 2, 21, [1]])
})

test('what is there and is no history is neither read nor overwritten', () => {
  const path = join(folder, 'history.json')
  writeFileSync(path, '[]')
  expect(() => readHistory(path)).toThrow('is not a file that this action wrote')
  expect(() => withRelease(path, { a: 1 }, 0)).toThrow('is not a file that this action wrote')
  expect(readFileSync(path, 'utf8')).toBe('[]')
  mkdirSync(join(folder, 'h'))
  expect(() => readHistory(join(folder, 'h'))).toThrow(/^history: .*h cannot be read \(EISDIR\)$/)
})

test('its folder is made before the watch; where that cannot be, it is said then', () => {
  prepareHistory(join(folder, 'cache', 'deep', 'h.json'))
  expect(statSync(join(folder, 'cache', 'deep')).isDirectory()).toBe(true)
  writeFileSync(join(folder, 'file'), '')
  expect(() => prepareHistory(join(folder, 'file', 'h.json'))).toThrow(/^history: .*h\.json cannot be written \((ENOTDIR|EEXIST)\)$/)
  if (process.getuid?.() === 0) return // who may do everything is refused nothing
  chmodSync(join(folder, 'cache'), 0o500)
  expect(() => prepareHistory(join(folder, 'cache', 'h.json'))).toThrow('cannot be written (EACCES)')
})

test('the report names both sides and Prometheus, and counts as people do', () => {
  const facts = (about: Parameters<typeof reportOf>[1]) =>
    Object.fromEntries(reportOf(analysis, about).facts.map(({ name, value }) => [name, value]))
  expect(facts({ candidate: 'app-green', baseline: '', prometheus: 'p:9090' })).toMatchObject({
    Candidate: 'app-green',
    Baseline: 'none',
    Prometheus: 'p:9090',
    Judged: '1970-01-01T00:00:00.000Z to 1970-01-01T00:00:01.000Z, 1 look, 1 request of the candidate',
  })
  expect(Object.keys(facts({ candidate: '', baseline: '', prometheus: '' }))).not.toContain('Candidate')
})
