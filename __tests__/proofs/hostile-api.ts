// A release through an API server that fails in every way it can: what passes is overcome, what stays is an error and never a verdict
// on the release, and users stay on ready pods.
import type { BundleResult } from '../../scripts/runner.ts'
import type { Proof } from './prove.ts'
import { type ApiFault, FAULTS, keyOf, once } from './support/faults.ts'
import type { Call } from './support/proxy.ts'
import { IMAGES, openStage, type Stage, UNREADY, untidy } from './support/stage.ts'
import { type World, wentThrough } from './support/world.ts'
import { atWrite, isRenewal } from './support/writes.ts'

/** Namespaces at work at once. */
const LANES = 3
/** How long the action waits for an API server that is away, in these cases. */
const API_TIMEOUT = '2s'
/** A faulty run may take this long, in milliseconds: the times of its inputs, a few API timeouts, and a busy machine. */
const LONGEST = 180_000

interface Case {
  name: string
  run(stage: Stage): Promise<string[]>
}

const silent = FAULTS.filter(({ name }) => name === 'watches that are silent')

/** Every call fails once; release and rollback come through as if nothing had been. */
function passing(fault: ApiFault, commands: ('deploy' | 'rollback')[]): Case {
  const run = async (stage: Stage): Promise<string[]> => {
    const problems: string[] = []
    for (const command of commands) {
      const before = await stage.look()
      const version = command === 'deploy' ? await stage.other() : undefined
      const { fault: does, met } = once(fault)
      stage.proxy.use(does)
      const result = await stage.run({ ...(version && { version }), inputs: { command, 'api-timeout': '1m' } })
      stage.proxy.use(async () => 'pass')
      if (!wentThrough(result)) problems.push(`${command} ended ${ended(result)}`)
      if (!met()) problems.push(`${command} met no fault`)
      problems.push(...(await untidy(stage, version)).map((text) => `after ${command}: ${text}`))
      if (command === 'rollback' && (await stage.look()).version === before.version) problems.push('the rollback changed nothing')
    }
    return problems
  }
  return { name: `${fault.name}, once for each call of ${commands.join(' and ')}`, run }
}

/** From a call on nothing else is heard. `at` is a number of that call, or which calls are meant. */
function staying(fault: ApiFault, at: number | string): Case {
  const run = async (stage: Stage): Promise<string[]> => {
    let count = 0
    let struck = false
    // What ends a release has been written: nothing that comes later can undo it.
    let done = false
    let first: string | undefined
    stage.proxy.use(async (call, forward) => {
      if (isRenewal(call)) return struck && typeof at === 'number' ? fault.does(call, forward) : 'pass'
      const key = plainKey(call, stage)
      struck = typeof at === 'number' ? struck || count++ === at : key === at
      if (!struck || !(fault.on?.(call) ?? true)) {
        if (!call.body.includes('state.json') || !call.write) return 'pass'
        const answer = await forward()
        done = answer.status < 300 && /\\"operation\\": null/.test(call.body) && /\\"history\\": \[\\n/.test(call.body) && count > 20
        return answer
      }
      first ??= keyOf(call)
      return fault.does(call, forward)
    })
    const version = await stage.other()
    const result = await stage.run({ version, inputs: { 'api-timeout': API_TIMEOUT }, post: 'never' })
    stage.proxy.use(async () => 'pass')
    const problems: string[] = []
    const { outcome } = result.outputs
    const tolerated = done || first === undefined || (typeof at === 'string' && isTolerated(fault, at))
    const pods = typeof at === 'string' && speaksForPods(at) && isWordOfPods(result)
    if (outcome !== 'error' && !pods && !(tolerated && wentThrough(result)))
      problems.push(`ended ${ended(result)}, not error (first struck: ${first})`)
    if (outcome === 'error') {
      const text = `${result.report?.headline} ${result.report?.reason}`
      if (result.code !== 1) problems.push(`exit code ${result.code}`)
      if (!/cannot [a-z ]+ \S+|refuses/.test(text)) problems.push(`the message names no call: ${text}`)
      if (fault.says && !fault.says.test(text)) problems.push(`the message does not say why (${fault.says}): ${text}`)
    }
    const { color, ready } = await stage.look()
    if (!ready.length) problems.push(`the Service is on ${color}, which has no ready pods`)
    const recover = await stage.run({ inputs: { command: 'recover' } })
    if (recover.code !== 0) problems.push(`recover ended ${ended(recover)}`)
    return [...problems, ...(await untidy(stage)).map((text) => `after recover: ${text}`)]
  }
  return { name: `${fault.name}, ${typeof at === 'number' ? `from call ${at} on` : `always for ${at}`}`, run }
}

/**
 * Who may not look at namespaces or autoscalers can still release, and is told what is not known; what no watch tells the lists do; and pods that
 * are cleared away after a verdict decide nothing.
 */
const isTolerated = (fault: ApiFault, at: string): boolean =>
  (fault.name === '403' && /^GET (\/api\/v1\/namespaces\/NAMESPACE|\S*\/horizontalpodautoscalers)$/.test(at)) ||
  (fault.name === '500' && at.endsWith(' watch')) ||
  /^DELETE \S*\/pods\/\S*$/.test(at)

/** Behind the API server's proxy a refusal is the word of a pod, as long as the API server itself says that the request is permitted. */
const speaksForPods = (at: string): boolean => /^GET \S*\/(services|pods)\/\S*\/proxy\//.test(at)
const isWordOfPods = ({ outputs, report }: BundleResult): boolean =>
  ['failed', 'inconclusive'].includes(outputs['outcome'] ?? '') && /answered (403|500)/.test(report?.reason ?? '')

/** A call's key in any namespace, on any color, for any pod. */
const plainKey = (call: Call, { namespace }: Stage): string =>
  keyOf(call)
    .replaceAll(namespace, 'NAMESPACE')
    .replace(/-(blue|green)(?:-\w+-\w{5}\b)?/, '-COLOR')
    .replace(/-r\d+$/, '-rN')

const ended = ({ outputs, code, report }: BundleResult): string =>
  `${outputs['outcome']} (exit code ${code}): ${report?.reason || report?.headline || 'no report'}`

/** Watches that say nothing: what is not ready is refused in time, what becomes unready is taken back. */
const LIES: Case[] = [
  {
    name: 'never ready, while watches are silent',
    run: async (stage) => {
      const { version } = await stage.look()
      for (const { does, on } of silent) stage.proxy.use(async (call, forward) => (on?.(call) ? does(call, forward) : 'pass'))
      const began = performance.now()
      const result = await stage.run({ version: UNREADY, inputs: { 'ready-deadline': '6s' } })
      stage.proxy.use(async () => 'pass')
      const problems =
        result.outputs['outcome'] === 'failed' && result.outputs['switched'] === 'false' ? [] : [`ended ${ended(result)}, not failed`]
      // The pods that are deleted afterwards are gone when the next list says so, 25 s later.
      if (performance.now() - began > 90_000) problems.push('it took longer than its deadlines')
      return [...problems, ...(await untidy(stage, version))]
    },
  },
  {
    name: 'unready while it bakes, while watches are silent',
    run: async (stage) => {
      const { version, color } = await stage.look()
      const spoil = atWrite(
        color,
        '',
        async () => 'pass',
        async (name) => {
          if (name === 'ledger retire') throw new Error('it would be kept')
          if (name === 'ledger bake') await stage.spoil(color === 'blue' ? 'green' : 'blue')
        },
      )
      for (const { does, on } of silent) stage.proxy.use(async (call, forward) => (on?.(call) ? does(call, forward) : spoil(call, forward)))
      const result = await stage.run({ version: await stage.other(), inputs: { 'bake-time': '35s' } })
      stage.proxy.use(async () => 'pass')
      const back = result.outputs['outcome'] === 'failed' && result.outputs['rolled-back'] === 'true'
      return [...(back ? [] : [`ended ${ended(result)}, not taken back`]), ...(await untidy(stage, version))]
    },
  },
]

async function casesOf(world: World): Promise<Case[]> {
  const { short } = world
  const cases: Case[] = []
  const passes = FAULTS.filter((fault) => fault.passes)
  passes.forEach((fault, at) => {
    const name = fault.name === 'watches that are silent'
    if (!short) cases.push(passing(fault, ['deploy', 'rollback']))
    else if (!name) cases.push(passing(fault, at % 4 ? ['deploy'] : ['deploy', 'rollback']))
  })
  const calls = await listCalls(world)
  const stays = FAULTS.filter((fault) => fault.says && !['huge', 'a list without items', '410', 'slow'].includes(fault.name))
  for (let at = 0, kind = 0; at < calls.length; at += short ? Math.ceil(calls.length / 10) : 1) {
    const fault = stays[kind++ % stays.length]
    if (fault) cases.push(staying(fault, at))
  }
  const keys = [...new Set(calls)]
  keys.forEach((key, at) => {
    const fault = stays.find(({ name }) => name === (at % 2 ? '403' : '500'))
    if (fault && (!short || at % 12 === 5)) cases.push(staying(fault, key))
  })
  cases.push(...LIES.slice(0, short ? 1 : undefined))
  return cases
}

/** The calls of a release, in order. */
async function listCalls(world: World): Promise<string[]> {
  const stage = await openStage(world, 'api')
  try {
    await stage.furnish()
    const calls: string[] = []
    stage.proxy.use(async (call) => {
      if (!isRenewal(call)) calls.push(plainKey(call, stage))
      return 'pass'
    })
    const result = await stage.run({ version: await stage.other() })
    if (result.outputs['outcome'] !== 'passed') throw new Error(`a release without faults ended ${ended(result)}\n${result.log}`)
    return calls
  } finally {
    await stage.close()
  }
}

async function prove(world: World) {
  const figures = { cases: 0, wrong: 0 }
  const began = performance.now()
  const since = () => `${((performance.now() - began) / 1000).toFixed(0)} s`
  const { only } = world
  const all = await casesOf(world)
  const queue = only === undefined ? all : all.filter(({ name }) => name.includes(only))
  world.log(`${since()} ${queue.length} cases`)

  const lane = async (): Promise<void> => {
    let stage: Stage | undefined
    for (let next = queue.shift(); next; next = queue.shift()) {
      stage ??= await furnished(world)
      const open = stage
      const { ready } = await open.look()
      if (!ready.length) throw new Error(`${open.namespace}: nothing serves before ${next.name}`)
      const started = performance.now()
      const problems = await next.run(open).catch((error) => [error instanceof Error ? (error.stack ?? error.message) : String(error)])
      if (performance.now() - started > LONGEST) problems.push(`it took ${((performance.now() - started) / 1000).toFixed(0)} s`)
      problems.push(...open.wrong.splice(0))
      figures.cases++
      if (problems.length) figures.wrong++
      for (const text of problems) world.log(`  WRONG ${next.name}: ${text}`)
      world.log(`${since()} ${next.name}: ${problems.length ? 'WRONG' : 'right'}`)
      if (!problems.length) continue
      await open.close() // what went wrong there must not spoil the next case
      stage = undefined
    }
    await stage?.close()
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  return figures
}

async function furnished(world: World): Promise<Stage> {
  const stage = await openStage(world, 'api')
  await stage.furnish()
  return stage
}

export const proof: Proof = {
  claim: 'Whatever the API server answers, a release passes, or ends as an error that names the call, with users on ready pods',
  images: IMAGES,
  prove,
  judge: ({ cases = 0, wrong = 0 }) => [
    ...(cases < 20 ? [`only ${cases} cases were played`] : []),
    ...(wrong ? [`${wrong} cases went wrong`] : []),
  ],
}
