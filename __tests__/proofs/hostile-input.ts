// Whatever the action is given, it says what is wrong with it and changes nothing, and what is only odd works; nothing that it prints
// of others is a command to the runner.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readContract } from '../../scripts/actions.ts'
import type { BundleResult } from '../../scripts/runner.ts'
import type { Proof } from './prove.ts'
import { manifestCases } from './support/hostile-manifests.ts'
import { furnishFolder, placeCases, startLiars } from './support/hostile-places.ts'
import { NUMBERS, type Refusal, valueCases } from './support/hostile-values.ts'
import { yamlCases } from './support/hostile-yaml.ts'
import { executed, IMAGES, oddCases } from './support/odd-inputs.ts'
import { annotations, type Case, play, type Scene, snapshotOf } from './support/scene.ts'
import { root, type World, withNamespace } from './support/world.ts'

/** Namespaces at work at once. */
const LANES = 3

/** What the runs of the action say when it stumbles over input instead of refusing it. */
const STUMBLED = /Where the error came from|Cannot (read|convert|set|destructure)|is not (a function|iterable)|call stack|heap/

/** What is wrong with how something was refused. */
function objections({ inputs, says, hides }: Refusal, result: BundleResult, changed: boolean): string[] {
  const { code, outputs, log, summary } = result
  const said = annotations(result)
  const shown = said.length > 1500 ? `${said.slice(0, 1500)}…` : said
  const outcome = outputs['outcome']
  return [
    ...(code === 1 && outcome === 'error' ? [] : [`it ended with ${code}, outcome ${outcome}: ${shown || log.slice(-1500)}`]),
    ...says.filter((words) => !words.test(said)).map((words) => `the annotation does not say ${words}: ${shown}`),
    ...(hides?.test(log + summary + said) ? [`${hides} is shown: ${shown}`] : []),
    ...(STUMBLED.test(log) ? [`it stumbled: ${log.slice(-1500)}`] : []),
    ...executed(result, inputs['kubeconfig']).map((command) => `the runner executed ${command.slice(0, 200)}`),
    ...(log.includes('\x1b') ? ['the log holds terminal sequences'] : []),
    ...(changed ? ['something was changed'] : []),
  ]
}

interface Figures {
  cases: number
  wrong: number
}

/** Plays refusals in one namespace, in which version 1 serves, until the queue is empty. */
function refusals(queue: Refusal[], workspace: string, note: (name: string, began: number, problems: string[]) => void): Case {
  const run = async (scene: Scene): Promise<void> => {
    const { world, namespace } = scene
    const labels = { 'devops-actions/release': 'other' }
    await world.kube.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'bluegreen-other', namespace, labels } })
    await scene.release('v1', { cwd: workspace, inputs: { manifests: 'k8s' } })
    await withNamespace(world, 'elsewhere', async (elsewhere) => {
      const look = async (): Promise<string> => `${await snapshotOf(world, namespace)}\n${await snapshotOf(world, elsewhere)}`
      let last = await look()
      for (let next = queue.shift(); next; next = queue.shift()) {
        const { name, inputs, stdin = '', setup } = next
        const began = performance.now()
        const undo = await setup?.(scene)
        const before = undo ? await look() : last
        const releases = ['deploy', 'prepare'].includes(inputs['command'] ?? 'deploy')
        const result = await scene.run({
          cwd: workspace,
          inputs: { ...(releases && { manifests: 'k8s' }), ...inputs },
          stdin: stdin.replaceAll('ELSEWHERE', elsewhere),
        })
        last = await look()
        note(name, began, objections(next, result, last !== before))
        if (!undo) continue
        await undo()
        last = await look()
      }
    })
    await scene.expectVersion('v1')
  }
  return { name: 'refused', run }
}

async function prove(world: World): Promise<{ cases: number; wrong: number }> {
  const figures: Figures = { cases: 0, wrong: 0 }
  const note = (name: string, began: number, problems: string[]): void => {
    figures.cases++
    if (problems.length) figures.wrong++
    const seconds = (performance.now() - began) / 1000
    if (problems.length || seconds > 10) world.log(`${problems.length ? 'WRONG' : 'right'}  ${name} (${seconds.toFixed(1)} s)`)
    for (const problem of problems) world.log(`       ${problem}`)
  }
  const began = performance.now()
  const { inputs } = readContract(join(root, 'actions/bluegreen-deploy/action.yml'))
  const untried = Object.keys(inputs).filter((name) => /^\d/.test(inputs[name]?.default ?? '') && !NUMBERS.includes(name))
  if (untried.length) throw new Error(`nothing is known of the bounds of ${untried.join(', ')}`)
  const folder = await mkdtemp(join(tmpdir(), 'hostile-'))
  const liars = await startLiars()
  try {
    const workspace = await furnishFolder(folder)
    const wanted = ({ name }: { name: string }): boolean => world.only === undefined || name.includes(world.only)
    const queue = [...liars.cases, ...yamlCases, ...manifestCases, ...placeCases, ...valueCases].filter(wanted)
    world.log(`${queue.length} refusals`)
    const scenes = oddCases.filter(wanted)
    const playOne = async (scene: Case): Promise<void> => {
      const start = performance.now()
      const problems = await play(world, scene)
      if (oddCases.includes(scene) || problems.length) note(scene.name, start, problems)
      world.log(`${((performance.now() - began) / 1000).toFixed(0)} s: ${scene.name}, ${queue.length} refusals to go`)
    }
    const lane = async (_: unknown, at: number): Promise<void> => {
      if (at === 0 && queue.length) await playOne(refusals(queue, workspace, note))
      for (let next = scenes.shift(); next; next = scenes.shift()) await playOne(next)
      if (queue.length) await playOne(refusals(queue, workspace, note))
    }
    await Promise.all(Array.from({ length: LANES }).map(lane))
    return { cases: figures.cases, wrong: figures.wrong }
  } finally {
    liars.close()
    await rm(folder, { recursive: true })
  }
}

export const proof: Proof = {
  claim: 'Wrong input is refused by name before anything is changed, odd input works, and no text of others is a command',
  images: IMAGES,
  prove,
  judge: ({ cases = 0, wrong = 0 }) => [
    ...(cases < 200 ? [`only ${cases} cases were played`] : []),
    ...(wrong ? [`${wrong} of ${cases} cases went wrong`] : []),
  ],
}
