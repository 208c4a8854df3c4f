// npm run sabotage [-- NAME] [--short] [--record]: breaks one guarantee at a time on a copy of the sources, and wants the proof of it to go
// red. NAME is a proof, or part of a patch's name; --short takes one patch of a third of the proofs, others each day (--day N: that of day N
// since 1970), and does not show first that the proof is green without it. The last line is {patches, survived}.
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { type Cluster, startCluster } from '../../sandbox/cluster.ts'
import { exampleImages } from '../../sandbox/images.ts'
import { recordFigures } from '../../scripts/figures.ts'
import { enter, environmentOf } from '../../scripts/inside.ts'
import type { Figures, Proof } from '../proofs/prove.ts'
import { ofTheDay } from './choice.ts'

const CLAIM = 'Broken on purpose, one guarantee at a time: its proof goes red'
const root = resolve(import.meta.dirname, '../..')
/** Proofs at work at once, each in a cluster of its own. */
const LANES = 2
const DAY = 86_400_000
/** A proof that does not end by then tells nothing, in milliseconds. */
const LONGEST = 600_000
/** Figures that say how much was tried: --only makes them small, which is no objection here. */
const COUNTS = ['points', 'cases', 'releases', 'requests']

/** A patch and the part of a proof that has to notice it, from its header: `Proof: kill [--short] [--only TEXT]`. */
interface Sabotage {
  name: string
  file: string
  proof: string
  /** What is given to the proof. */
  args: string[]
}

interface Verdict {
  /** What the proof's judge had to say; undefined when the proof did not come that far. */
  objections: string[] | undefined
  log: string
}

function readPatches(): Sabotage[] {
  const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.patch'))
  return files.sort().map((file) => {
    const path = join(import.meta.dirname, file)
    const [, proof, short, only] = /^Proof: (\S+)( --short)?(?: --only (.+))?$/m.exec(readFileSync(path, 'utf8')) ?? []
    if (proof === undefined || !existsSync(join(root, '__tests__/proofs', `${proof}.ts`))) {
      throw new Error(`${file}: its header has to name a proof that there is (Proof: NAME --only TEXT)`)
    }
    return {
      name: file.replace(/\.patch$/, ''),
      file: path,
      proof,
      args: [...(short ? ['--short'] : []), ...(only ? ['--only', only.trim()] : [])],
    }
  })
}

/** The sources with a patch applied, as bundles that run them without a build. Throws when the patch does not apply. */
async function breakCopy(folder: string, patch: string | undefined): Promise<string> {
  cpSync(join(root, 'actions'), join(folder, 'actions'), { recursive: true })
  cpSync(join(root, 'package.json'), join(folder, 'package.json'))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  if (patch !== undefined) {
    const { code, output } = await run(['git', 'apply', '--whitespace=nowarn', patch], { cwd: folder })
    if (code !== 0) throw new Error(`${patch} no longer applies:\n${output}`)
  }
  const dist = join(folder, 'dist')
  for (const name of readdirSync(join(folder, 'actions'))) {
    for (const [entry, to] of [
      ['main.ts', name],
      ['post.ts', join(name, 'post')],
    ] as const) {
      const source = join(folder, 'actions', name, entry)
      if (!existsSync(source)) continue
      mkdirSync(join(dist, to), { recursive: true })
      writeFileSync(join(dist, to, 'index.js'), `await import(${JSON.stringify(pathToFileURL(source).href)})\n`)
    }
  }
  return dist
}

/** Runs the part of a proof against these bundles. */
async function judge(cluster: Cluster | undefined, proof: Proof, { proof: name, args }: Sabotage, dist: string): Promise<Verdict> {
  const argv = [process.execPath, '--no-warnings', join(root, '__tests__/proofs/prove.ts'), name, ...args]
  const env = { ...(cluster && environmentOf(cluster)), DIST: dist }
  const { output } = await run(cluster ? enter(cluster, argv) : argv, { env, timeout: LONGEST })
  const figures = lastFigures(output)
  if (!figures) return { objections: undefined, log: output }
  const counts = Object.keys(figures).filter((key) => COUNTS.includes(key))
  if (counts.some((key) => figures[key] === 0)) return { objections: undefined, log: `nothing was tried\n${output}` }
  const many = Object.fromEntries(counts.map((key) => [key, 1_000_000]))
  return { objections: proof.judge({ ...figures, ...many }), log: output }
}

/** The figures that a proof ends with; undefined when it broke off. */
function lastFigures(output: string): Figures | undefined {
  const line = output.trimEnd().split('\n').at(-1) ?? ''
  return /^\{"[a-z_]+":/.test(line) ? (JSON.parse(line) as Figures) : undefined
}

/** The process groups at work: a proof that is ended takes with it what it started. */
const groups = new Set<number>()

function run(
  argv: string[],
  options: { cwd?: string; env?: Record<string, string>; timeout?: number },
): Promise<{ code: number; output: string }> {
  const [command = '', ...args] = argv
  const { cwd, timeout = 60_000, env } = options
  return new Promise((done, failed) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      detached: true,
      ...(cwd && { cwd }),
    })
    const { pid = 0 } = child
    groups.add(pid)
    const late = setTimeout(() => endGroup(pid), timeout)
    let [output, errors] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
    child.once('error', failed)
    child.once('close', (code) => {
      clearTimeout(late)
      groups.delete(pid)
      // The last line of standard output is the figures: it stays the last.
      done({ code: code ?? 1, output: `${errors}${output}` })
    })
  })
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It ended just now.
  }
}

/** All patches of one proof, in one cluster: each part first without a patch, then with it. Gives the names of what survived. */
async function sabotageProof(name: string, patches: Sabotage[], temp: string, short: boolean): Promise<string[]> {
  const { proof } = (await import(join(root, '__tests__/proofs', `${name}.ts`))) as { proof: Proof }
  proof.prepare?.(console.log)
  const cluster = proof.alone ? undefined : await startCluster(proof.clusters?.at(-1) ?? {})
  try {
    if (cluster) await exampleImages(cluster, proof.images)
    const whole = await breakCopy(mkdtempSync(join(temp, 'whole-')), undefined)
    const survived: string[] = []
    const parts = new Map<string, Verdict>()
    for (const patch of patches) {
      const asked = [name, ...patch.args].join(' ')
      // In the short form they are known to be green: CI has just run the proofs themselves.
      const before = short ? undefined : (parts.get(asked) ?? (await judge(cluster, proof, patch, whole)))
      if (before) parts.set(asked, before)
      if (before && before.objections?.length !== 0) {
        survived.push(patch.name)
        console.log(`NOT GREEN ${patch.name}: ${asked} objects without any patch, so nothing is shown\n${tail(before.log)}`)
        continue
      }
      const { objections, log } = await judge(cluster, proof, patch, await breakCopy(mkdtempSync(join(temp, 'broken-')), patch.file))
      if (objections?.length) console.log(`red       ${patch.name}: ${objections.join('; ')}`)
      else {
        survived.push(patch.name)
        // A proof that stops by itself has not judged anything.
        if (objections) console.log(`SURVIVED  ${patch.name}: ${asked} noticed nothing`)
        else console.log(`BROKE OFF ${patch.name}: ${asked} came to no verdict\n${tail(log)}`)
      }
    }
    return survived
  } finally {
    await cluster?.stop()
  }
}

const tail = (log: string): string => log.trimEnd().split('\n').slice(-15).join('\n').replace(/^/gm, '    ')

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { short: { type: 'boolean', default: false }, record: { type: 'boolean', default: false }, day: { type: 'string' } },
  })
  const [name] = positionals
  if (values.record && (name !== undefined || values.short)) throw new Error('--record is for a whole run: without NAME and --short')
  let patches = readPatches().filter((patch) => name === undefined || patch.proof === name || patch.name.includes(name))
  if (patches.length === 0)
    throw new Error(
      `there is no patch ${name}; there are ${readPatches()
        .map((patch) => patch.name)
        .join(', ')}`,
    )
  if (values.short) {
    const day = values.day === undefined ? Math.floor(Date.now() / DAY) : Number(values.day)
    patches = ofTheDay(patches, day)
    console.log(`of day ${day}: ${patches.map((patch) => patch.name).join(', ')}`)
  }
  const temp = mkdtempSync(join(tmpdir(), 'sabotage-'))
  const end = (): void => process.exit(130)
  process
    .on('SIGINT', end)
    .on('SIGTERM', end)
    .on('exit', () => {
      for (const pid of groups) endGroup(pid)
      rmSync(temp, { recursive: true, force: true })
    })
  // A patch that no longer applies is found before anything is run.
  for (const { file } of patches) await breakCopy(mkdtempSync(join(temp, 'try-')), file)
  const survived: string[] = []
  const proofs = [...new Set(patches.map((patch) => patch.proof))]
  const lane = async (): Promise<void> => {
    for (let next = proofs.shift(); next; next = proofs.shift()) {
      const own = patches.filter((patch) => patch.proof === next)
      survived.push(...(await sabotageProof(next, own, temp, values.short)))
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  const figures = { patches: patches.length, survived: survived.length }
  if (values.record && survived.length === 0) recordFigures('sabotage', { claim: CLAIM, figures })
  console.log(JSON.stringify(figures))
  return survived.length ? 1 : 0
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    process.exit(2)
  },
)
