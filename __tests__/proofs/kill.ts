// SIGKILL before and after every write, lost answers, and runs that are frozen, superseded and thawed: users are never on a color
// without ready pods, and whoever comes next ends it cleanly.
import { createHash, randomUUID } from 'node:crypto'
import type { Ledger } from '../../actions/bluegreen-deploy/ledger/schema.ts'
import type { BundleResult, BundleRun } from '../../scripts/runner.ts'
import type { Proof } from './prove.ts'
import type { Answer, Call } from './support/proxy.ts'
import { PAIR } from './support/shape.ts'
import { BAD, IMAGES, openStage, type Stage, untidy } from './support/stage.ts'
import { type World, wentThrough } from './support/world.ts'
import { atWrite, groupsWith, isRenewal, nameWrites, type WriteName } from './support/writes.ts'

/** Namespaces at work at once. */
const LANES = 3

/** One way for a run to go, of which every write is a point to be killed at. */
interface Scenario {
  name: 'release' | 'rollback' | 'taken back' | 'refused' | 'first' | 'pair' | 'pair taken back'
  /** How it ends when it is left alone. */
  outcome: 'passed' | 'failed'
  /** Nothing was released before. */
  fresh?: true
  /** With two Deployments and three Services. */
  pair?: true
  run(stage: Stage, options: Partial<BundleRun>): Promise<BundleResult>
  /** Told of every write before it is forwarded. */
  told?(stage: Stage, name: WriteName, call: Call): Promise<void>
}

const release: Pick<Scenario, 'outcome' | 'run'> = {
  outcome: 'passed',
  run: async (stage, options) => stage.run({ version: await stage.other(), ...options }),
}

const takenBack: Pick<Scenario, 'outcome' | 'run' | 'told'> = {
  outcome: 'failed',
  run: async (stage, options) => stage.run({ version: await stage.other(), inputs: { 'bake-time': '30s' }, ...options }),
  told: async (stage, name, { body }) => {
    // The candidate turns bad when it is about to be watched under traffic.
    if (name === 'ledger bake') await stage.spoil(ledgerIn(body).operation?.candidate.color ?? '')
  },
}

const SCENARIOS: Scenario[] = [
  { name: 'release', ...release },
  { name: 'rollback', outcome: 'passed', run: (stage, options) => stage.run({ inputs: { command: 'rollback' }, ...options }) },
  { name: 'taken back', ...takenBack },
  { name: 'refused', outcome: 'failed', run: (stage, options) => stage.run({ version: BAD, ...options }) },
  { name: 'first', outcome: 'passed', fresh: true, run: (stage, options) => stage.run({ version: 'v1', ...options }) },
  { name: 'pair', ...release, pair: true },
  { name: 'pair taken back', ...takenBack, pair: true },
]

const ledgerIn = (body: string): Ledger => JSON.parse(JSON.parse(body).data['state.json']) as Ledger

interface Case {
  name: string
  scenario: Scenario
  /** What went wrong; empty when nothing did. Undefined when the point was not met. */
  run(stage: Stage): Promise<string[] | undefined>
}

/** Which version has to serve when what the ledger says is brought to an end. */
async function promised(stage: Stage): Promise<string | undefined> {
  const { ledger, version } = await stage.look()
  const { operation, history = [] } = ledger ?? {}
  if (!operation) return version
  const stays = operation.phase === 'retire' ? operation.candidate : operation.stable
  // Without anything to go back to, what serves goes on serving.
  const entry = history.find(({ revision }) => revision === stays?.revision)
  return stays ? entry?.images[0]?.split(':').at(-1) : version
}

const passed = ({ code, outputs, log }: BundleResult, what: string): string[] => {
  if (wentThrough({ code, outputs })) return []
  return [`${what} ended ${outputs['outcome'] ?? `with exit code ${code}`}: ${outputs['reason'] || log.split('\n').slice(-12).join(' | ')}`]
}

/** Another run ends what is left: `recover`, with a deploy after it, or the next deploy by itself. */
async function end(stage: Stage, ending: 'recover' | 'deploy'): Promise<string[]> {
  stage.proxy.use(async () => 'pass')
  const problems: string[] = []
  if (ending === 'recover') {
    const expected = await promised(stage)
    problems.push(...passed(await stage.run({ inputs: { command: 'recover' } }), 'recover'))
    problems.push(...(await untidy(stage, expected)).map((text) => `after recover: ${text}`))
  }
  const version = await stage.other()
  problems.push(...passed(await stage.run({ version }), 'the next deploy'))
  problems.push(...(await untidy(stage, version)).map((text) => `after the next deploy: ${text}`))
  return problems
}

function killed(scenario: Scenario, write: WriteName, when: 'before' | 'after', ending: 'recover' | 'deploy'): Case {
  const run = async (stage: Stage): Promise<string[] | undefined> => {
    const death = new AbortController()
    const { color } = await stage.look()
    const act = async (_: Call, forward: () => Promise<Answer>) => {
      if (when === 'after') await forward()
      death.abort()
      return 'drop' as const
    }
    stage.proxy.use(atWrite(color, write, act, (name, call) => scenario.told?.(stage, name, call)))
    const result = await scenario.run(stage, { kill: death.signal, post: 'never' })
    if (!death.signal.aborted) return notMet(stage, scenario, result) // a retry that was not needed this time
    await stage.look()
    return end(stage, ending)
  }
  return { name: `${scenario.name}: killed ${when} ${write}, then ${ending}`, scenario, run }
}

const passedBy = ({ outcome, name }: Scenario, { code, outputs, report }: BundleResult): string[] | undefined =>
  outputs['outcome'] === outcome || (outcome === 'passed' && wentThrough({ code, outputs }))
    ? undefined
    : [`${name} ended ${outputs['outcome']}, not ${outcome}: ${outputs['reason'] ?? `${report?.headline} ${report?.reason}`}`]

/** The write of the case did not come: what is left is made ready for the next case, with both colors there. */
async function notMet(stage: Stage, scenario: Scenario, result: BundleResult): Promise<string[] | undefined> {
  stage.proxy.use(async () => 'pass')
  const problems = passedBy(scenario, result)
  if (problems || scenario.fresh) return problems
  const after = await end(stage, 'deploy')
  return after.length ? after : undefined
}

/** Every answer to a write (or to those of one name) is lost the first time, while the write was done. */
function answersLost(scenario: Scenario, write?: WriteName): Case {
  const run = async (stage: Stage): Promise<string[] | undefined> => {
    const { color, version: before } = await stage.look()
    const nameOf = nameWrites(color)
    const done = new Set<string>()
    let lost = 0
    stage.proxy.use(async (call, forward) => {
      const name = nameOf(call)
      if (name === undefined) return 'pass'
      await scenario.told?.(stage, name, call)
      const same = `${call.method} ${call.path} ${call.body}`
      if (done.has(same) || (write !== undefined && name !== write)) return 'pass'
      done.add(same)
      await forward()
      lost++
      return 'drop'
    })
    const result = await scenario.run(stage, {})
    if (!lost) return notMet(stage, scenario, result)
    const problems = passedBy(scenario, result) ?? []
    if (problems.length) stage.world.log(result.log)
    const stays = scenario.outcome === 'failed'
    return [...problems, ...(await untidy(stage, stays ? before : undefined)), ...(await end(stage, 'deploy'))]
  }
  return { name: `${scenario.name}: the answer to ${write ?? 'every write'} lost`, scenario, run }
}

/**
 * The run stops at a write, for as long as another one takes over, and goes on. `held` keeps the write itself on its way meanwhile,
 * as a slow network would; else it was done, and what must not happen is the next one.
 */
function frozen(scenario: Scenario, write: WriteName, held: boolean, by: 'recover' | 'deploy'): Case {
  const run = async (stage: Stage): Promise<string[] | undefined> => {
    const id = randomUUID()
    const { color } = await stage.look()
    let group: number | undefined
    const asleep = Promise.withResolvers<void>()
    const thaw = Promise.withResolvers<void>()
    const act = async (_: Call, forward: () => Promise<Answer>): Promise<Answer> => {
      ;[group] = groupsWith('PROOF_RUN', id)
      if (group === undefined) throw new Error('the process of the run was not found')
      process.kill(-group, 'SIGSTOP')
      const answer = held ? undefined : await forward()
      asleep.resolve()
      await thaw.promise
      return answer ?? forward()
    }
    stage.proxy.use(atWrite(color, write, act, (name, call) => scenario.told?.(stage, name, call)))
    const running = scenario.run(stage, { env: { PROOF_RUN: id }, post: 'never' })
    if ((await Promise.race([running, asleep.promise])) !== undefined) return notMet(stage, scenario, await running)
    const problems: string[] = []
    try {
      const version = await stage.other()
      const { kubeconfig } = stage.world
      const options = by === 'recover' ? { inputs: { command: 'recover' } } : { version }
      problems.push(...passed(await stage.run({ kubeconfig, ...options, env: { GITHUB_RUN_ID: '4711' } }), `${by} by another`))
      problems.push(...(await untidy(stage)).map((text) => `after ${by} by another: ${text}`))
    } finally {
      stage.proxy.calls.length = 0
      if (group !== undefined) process.kill(-group, 'SIGCONT')
    }
    const before = await written(stage)
    thaw.resolve()
    const result = await running
    const { outputs, code } = result
    const reason = outputs['reason'] || String(result.report?.reason)
    if (outputs['outcome'] !== 'error' || code !== 1) problems.push(`the thawed run ended ${outputs['outcome']} (${code}), not error`)
    if (!/taken over|no longer held|later run/.test(reason)) problems.push(`the thawed run does not say that it was superseded: ${reason}`)
    for (const call of stage.proxy.calls) {
      if (call.write && (call.status ?? 0) < 400)
        problems.push(`the thawed run wrote: ${call.method} ${call.path} ${call.status}${isRenewal(call) ? ' (renewal)' : ''}`)
    }
    const after = await written(stage)
    for (const [object, state] of Object.entries({ ...before, ...after })) {
      if (before[object] !== after[object])
        problems.push(`${object} was changed after the thaw: ${before[object]} -> ${after[object] ?? state}`)
    }
    return [...problems, ...(await end(stage, 'deploy'))]
  }
  return { name: `${scenario.name}: frozen at ${write}${held ? ', which arrives late' : ''}, superseded by ${by}`, scenario, run }
}

/** Everything that a run writes, by name, with what shows that it was written again. */
async function written({ world: { kube }, namespace }: Stage): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const [apiVersion, kind] of [
    ['v1', 'Service'],
    ['v1', 'ConfigMap'],
    ['v1', 'Secret'],
    ['v1', 'ServiceAccount'],
    ['apps/v1', 'Deployment'],
    ['policy/v1', 'PodDisruptionBudget'],
    ['coordination.k8s.io/v1', 'Lease'],
  ] as const) {
    const { items } = await kube.list({ apiVersion, kind, namespace })
    // Controllers write the status of some: there the generation tells, and that it is the same object.
    for (const { metadata } of items)
      found[`${kind}/${metadata.name}`] = `${metadata.uid} ${metadata.generation ?? metadata.resourceVersion}`
  }
  return found
}

/** Runs a scenario undisturbed and gives the names of its writes in order. */
async function listWrites(scenario: Scenario, stage: Stage): Promise<WriteName[]> {
  const { color } = await stage.look()
  const names: WriteName[] = []
  stage.proxy.use(
    atWrite(
      color,
      '',
      async () => 'pass',
      (name, call) => {
        names.push(name)
        return scenario.told?.(stage, name, call)
      },
    ),
  )
  const result = await scenario.run(stage, {})
  const problems = [...(passedBy(scenario, result) ?? []), ...(await untidy(stage))]
  if (problems.length) throw new Error(`${scenario.name}, undisturbed: ${problems.join('; ')}\n${result.log}`)
  return names
}

/** The writes at which a frozen run's own write may be on its way: those that carry what they were made over. */
const CONDITIONAL = /^(ledger|apply services\/backend$|replace|apply deployments\/backend-serving)/
/** The writes at which the entries of one release are, or are about to be, on different colors. */
const BETWEEN = /^(ledger (shift|bake|rollback)|apply services\/(backend|backend-ws|web)( #2)?)$/
/** In the short form only these of a pair are tried, each once. */
const BETWEEN_SHORT: Partial<Record<Scenario['name'], string[]>> = {
  pair: ['after apply services/backend', 'before apply services/backend-ws'],
  'pair taken back': ['after apply services/backend #2'],
}

function casesOf(scenario: Scenario, writes: WriteName[], short: boolean): Case[] {
  const cases: Case[] = []
  writes.forEach((write, at) => {
    for (const when of ['before', 'after'] as const) {
      const number = 2 * at + (when === 'after' ? 1 : 0)
      if (scenario.pair ? !playsPair(scenario, when, write, short) : short && number % 8 !== SCENARIOS.indexOf(scenario)) continue
      cases.push(killed(scenario, write, when, (short ? cases.length : at) % 2 ? 'deploy' : 'recover'))
    }
  })
  if (!scenario.pair || !short) cases.push(answersLost(scenario))
  if (scenario.fresh || (scenario.pair && short)) return cases
  const freezing = writes.filter((name) => (scenario.pair ? BETWEEN.test(name) : !/lease|at rest/.test(name)))
  freezing.forEach((write, at) => {
    const by = at % 2 ? 'deploy' : 'recover'
    if (!short || (scenario.name === 'release' && write === 'apply services/backend')) {
      cases.push(frozen(scenario, write, false, by))
      if (CONDITIONAL.test(write)) cases.push(frozen(scenario, write, true, by))
    }
  })
  if (!short && scenario.name === 'release') cases.push(...writes.map((write) => answersLost(scenario, write)))
  return cases
}

/** What a pair adds to one Deployment lies between its entries: the rest of its writes is tried at every third point only. */
function playsPair({ name }: Scenario, when: 'before' | 'after', write: WriteName, short: boolean): boolean {
  if (short) return BETWEEN_SHORT[name]?.includes(`${when} ${write}`) ?? false
  return BETWEEN.test(write) || createHash('sha256').update(`${when} ${write}`).digest().readUInt8() % 3 === 0
}

async function prove(world: World) {
  const figures = { points: 0, inconsistent: 0, failed_requests: 0 }
  const began = performance.now()
  const since = () => `${((performance.now() - began) / 1000).toFixed(0)} s`

  /** Ends a namespace, and counts what was seen in it. */
  const close = async (stage: Stage): Promise<void> => {
    await stage.close()
    for (const text of stage.wrong) world.log(`  WRONG ${stage.namespace}: ${text}`)
    for (const text of stage.failed()) world.log(`  FAILED ${stage.namespace}: ${text}`)
    figures.inconsistent += stage.wrong.length
    figures.failed_requests += stage.failed().length
  }
  const play = async (stage: Stage, { name, run }: Case): Promise<boolean> => {
    const problems = await run(stage).catch((error) => [error instanceof Error ? (error.stack ?? error.message) : String(error)])
    if (problems) figures.points++
    figures.inconsistent += problems?.length ?? 0
    for (const text of problems ?? []) world.log(`  WRONG ${name}: ${text}`)
    world.log(`${since()} ${name}: ${problems ? (problems.length ? 'WRONG' : 'clean') : 'not met'}`)
    return !problems?.length
  }

  const furnished = async ({ pair }: Pick<Scenario, 'pair'>): Promise<Stage> => {
    const stage = await openStage(world, 'kill', pair && PAIR)
    await stage.furnish()
    return stage
  }
  const lane = async (queue: Case[]): Promise<void> => {
    let settled: Stage | undefined
    for (let next = queue.shift(); next; next = queue.shift()) {
      if (next.scenario.fresh) {
        const stage = await openStage(world, 'kill')
        await play(stage, next)
        await close(stage)
        continue
      }
      if (settled && (settled.shape === PAIR) !== Boolean(next.scenario.pair)) {
        await close(settled)
        settled = undefined
      }
      settled ??= await furnished(next.scenario)
      if (await play(settled, next)) continue
      await close(settled) // what went wrong there must not spoil the next case
      settled = undefined
    }
    if (settled) await close(settled)
  }

  const queue: Case[] = []
  const { only, short } = world
  // To list the writes of a scenario takes a run of it: spared when its cases are not asked for.
  const asked = (scenario: Scenario): boolean => {
    const named = SCENARIOS.find(({ name }) => only?.startsWith(`${name}:`))
    return named === undefined || named === scenario
  }
  const list = async (scenarios: Scenario[], stage: Stage): Promise<void> => {
    for (const scenario of scenarios) {
      const writes = await listWrites(scenario, stage)
      world.log(`${since()} ${scenario.name}: ${writes.length} writes: ${writes.join(', ')}`)
      queue.push(...casesOf(scenario, writes, short))
      if (!scenario.fresh) await stage.run({ version: await stage.other(), inputs: { 'bake-time': '0s' } }) // both colors there again
    }
    await close(stage)
  }
  const wanted = SCENARIOS.filter(asked)
  const fresh = wanted.filter((scenario) => scenario.fresh)
  const alone = wanted.filter((scenario) => !scenario.fresh && !scenario.pair)
  const pairs = wanted.filter((scenario) => scenario.pair)
  if (fresh.length) await list(fresh, await openStage(world, 'kill'))
  if (alone.length) await list(alone, await furnished({}))
  // First: they are the longest of all.
  const rest = queue.splice(0)
  if (pairs.length) await list(pairs, await furnished({ pair: true }))
  queue.push(...rest)
  const chosen = only === undefined ? queue : queue.filter(({ name }) => name.includes(only))
  world.log(`${since()} ${chosen.length} cases`)
  await Promise.all(Array.from({ length: LANES }, () => lane(chosen)))
  return figures
}

export const proof: Proof = {
  claim: 'Killed, frozen or cut off at any write, a release leaves users on ready pods, and the next run ends it cleanly',
  images: IMAGES,
  prove,
  judge: ({ points = 0, inconsistent = 0, failed_requests = 0 }) => [
    ...(points < 20 ? [`only ${points} points were met; a release has more writes than that`] : []),
    ...(inconsistent ? [`${inconsistent} times the state was not as it has to be`] : []),
    ...(failed_requests ? [`${failed_requests} requests of users failed`] : []),
  ],
}
