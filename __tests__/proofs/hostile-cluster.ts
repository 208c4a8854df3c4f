// Pods, stored objects, other managers and policies that do to a release what they can: the word fits, users stay on ready pods, nothing of
// others is written, and when the obstacle is gone the release goes on.
import { join } from 'node:path'
import { messageOf } from '../../actions/shared/text/errors.ts'
import { BACKEND } from '../../sandbox/images.ts'
import type { BundleResult } from '../../scripts/runner.ts'
import type { Proof } from './prove.ts'
import { type Case, openTable, SECRET } from './support/cluster/case.ts'
import { otherCases } from './support/cluster/others.ts'
import { LIAR, podCases } from './support/cluster/pods.ts'
import { storedCases } from './support/cluster/stored.ts'
import { executed } from './support/odd-inputs.ts'
import type { Call } from './support/proxy.ts'
import { IMAGES, openStage, type Stage, untidy } from './support/stage.ts'
import { type World, wentThrough } from './support/world.ts'

/** Namespaces at work at once. */
const LANES = 3
/** A run of the action takes this long at most, in milliseconds, where a case does not say otherwise. */
const LONGEST = 90_000
/** More than so much is told of one thing over and over. */
const LINES = 1_000
const CHARACTERS = 1_000_000
/** What the action says when it stumbles over an object instead of reading it. */
const STUMBLED = /Cannot (read|convert|set|destructure)|is not (a function|iterable)|call stack|heap out of memory|RangeError|TypeError/

/** What must not be even while the ledger was written past the action. */
const WHATEVER = /no ready pod|selects no color/

/** What is wrong with how a run told of itself, whatever it met. */
function saidWrongly(result: BundleResult, kubeconfig: string): string[] {
  const { log, summary, report, outputs } = result
  const texts = { log, summary, report: JSON.stringify(report ?? {}), outputs: JSON.stringify(outputs) }
  return [
    ...Object.entries(texts).flatMap(([where, text]) => (text.includes(SECRET) ? [`the secret is in the ${where}`] : [])),
    ...executed(result, kubeconfig).map((command) => `the runner executed ${command.slice(0, 200)}`),
    ...(STUMBLED.test(log) ? [`it stumbled: ${STUMBLED.exec(log)?.input.match(new RegExp(`.*(${STUMBLED.source}).*`))?.[0]}`] : []),
    ...(log.includes('\x1b') ? ['the log holds terminal sequences'] : []),
    ...(log.split('\n').length > LINES || log.length > CHARACTERS
      ? [`the log has ${log.split('\n').length} lines, ${log.length} characters`]
      : []),
    ...(report === undefined ? ['there is no report'] : []),
  ]
}

/** What a release writes: its own names, in its own namespace. */
function strays({ method, path, write }: Call, namespace: string): boolean {
  if (!write) return false
  const [, space, kind, name] = /\/namespaces\/([^/]+)\/([^/]+)(?:\/([^/]+))?$/.exec(path) ?? []
  if (space !== namespace) return true
  if (method === 'POST' || kind === 'pods') return false // what is created has its name in the body, and the pods are those of its colors
  return !/^(bluegreen-backend|bluegreen-backend-r\d+|backend|backend-(blue|green|preview))$/.test(name ?? '')
}

async function playCase(stage: Stage, { name, longest = LONGEST, after, forges, run }: Case): Promise<string[]> {
  const problems: string[] = []
  const note = (problem: string): void => {
    if (!problems.includes(problem)) problems.push(problem)
  }
  const { proxy, namespace } = stage
  const before = await stage.look()
  const written: Call[] = []
  const collect = (): void => void written.push(...proxy.calls.splice(0).filter(({ write }) => write))
  collect()
  written.length = 0
  const table = openTable(stage, before, note)
  const began = performance.now()
  await run(table).catch((error: unknown) => note(error instanceof Error ? (error.stack ?? error.message) : String(error)))
  const slow = table.runs.find(({ outputs }) => Number(outputs['duration'] ?? 0) * 1000 > longest)
  if (slow) note(`a run took ${slow.outputs['duration']} s`)
  if (performance.now() - began > 3 * longest) note(`it took ${((performance.now() - began) / 1000).toFixed(0)} s`)
  for (const result of table.runs) for (const problem of saidWrongly(result, proxy.kubeconfig)) note(problem)
  collect()
  for (const call of written.filter((one) => strays(one, namespace))) note(`it wrote ${call.method} ${call.path}`)
  proxy.use(async () => 'pass')
  for (const undo of table.heals) await undo().catch((error: unknown) => note(`the obstacle could not be taken away: ${messageOf(error)}`))
  if (forges) stage.forget()
  problems.push(...(await goesOn(stage, after)))
  if (problems.length) for (const { log } of table.runs.slice(0, 2)) stage.world.log(`--- ${name}\n${log.slice(0, 6000)}\n---`)
  return problems
}

/** With the obstacle gone nothing is open, or recover ends it, and the next release is one like any other. */
async function goesOn(stage: Stage, after: Case['after']): Promise<string[]> {
  const problems: string[] = []
  const passes = async (what: string, options: Parameters<Stage['run']>[0]): Promise<void> => {
    const result = await stage.run(options)
    const { outputs, report } = result
    if (!wentThrough(result)) problems.push(`${what} ended ${outputs['outcome']}: ${report?.reason || report?.headline}`)
  }
  if (after !== 'look') await passes('recover', { inputs: { command: 'recover' } })
  const { ledger } = await stage.look()
  if (ledger?.operation) problems.push(`the ledger still stands at ${ledger.operation.phase}`)
  if (JSON.stringify(ledger ?? {}).includes(SECRET)) problems.push('the secret is in the ledger')
  const version = after ? undefined : await stage.other()
  if (version) await passes('the next deploy', { version, inputs: { 'bake-time': '0s' } })
  return [...problems, ...(await untidy(stage, version)).map((text) => `afterwards: ${text}`)]
}

async function prove(world: World): Promise<{ cases: number; wrong: number }> {
  const { sandbox, only, short } = world
  if (!sandbox) throw new Error('the lying image is made in the local cluster; run this without KUBECONFIG')
  await sandbox.addImage(`${BACKEND}:${LIAR}`, {
    command: [process.execPath, '--no-warnings', join(import.meta.dirname, 'support/liar.ts')],
    env: { VERSION: LIAR },
  })
  const figures = { cases: 0, wrong: 0 }
  const began = performance.now()
  const since = (): string => `${((performance.now() - began) / 1000).toFixed(0)} s`
  const all = [...podCases, ...storedCases, ...otherCases]
  const queue = all.filter((one) => (only === undefined ? !short || one.short : only.split('|').some((part) => one.name.includes(part))))
  world.log(`${queue.length} of ${all.length} cases`)

  const lane = async (): Promise<void> => {
    let stage: Stage | undefined
    for (let next = queue.shift(); next; next = queue.shift()) {
      stage ??= await furnished(world)
      if (next.after !== 'look' && !(await stage.look()).ledger?.warm) await bothColors(stage)
      const problems = await playCase(stage, next)
      const all = stage.wrong.splice(0)
      const [seen, failed] = [next.forges ? all.filter((text) => WHATEVER.test(text)) : all, stage.failed()]
      if (!next.hurts) problems.push(...seen, ...failed.map((text) => `a request of users failed: ${text}`))
      figures.cases++
      if (problems.length) figures.wrong++
      for (const text of problems.slice(0, 10)) world.log(`  WRONG ${next.name}: ${text.slice(0, 1500)}`)
      world.log(`${since()} ${next.name}: ${problems.length ? 'WRONG' : 'right'}`)
      if (!problems.length && !failed.length) continue
      await stage.close() // what went wrong there must not spoil the next case
      stage = undefined
    }
    await stage?.close()
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  return figures
}

async function bothColors(stage: Stage): Promise<void> {
  const { outputs, log } = await stage.run({ version: await stage.other(), inputs: { 'bake-time': '0s' } })
  if (outputs['outcome'] !== 'passed') throw new Error(`the stage could not be set up again:\n${log}`)
}

async function furnished(world: World): Promise<Stage> {
  const stage = await openStage(world, 'odd')
  await stage.furnish()
  return stage
}

export const proof: Proof = {
  claim:
    'Whatever pods, stored objects, other managers and policies do, a release ends with the right word, users on ready pods, and a way on',
  images: IMAGES,
  prove,
  judge: ({ cases = 0, wrong = 0 }) => [
    ...(cases < 40 ? [`only ${cases} cases were played`] : []),
    ...(wrong ? [`${wrong} of ${cases} cases went wrong`] : []),
  ],
}
