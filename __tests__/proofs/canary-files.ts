// Configurations of others as people have them, AnalysisTemplates and Kayenta's canary configs: the action reads them as they are meant, or
// says by name what it cannot honour before it asks for anything.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runBundle } from '../../scripts/runner.ts'
import type { Alone, Figures, Proof } from './prove.ts'
import { argoCases } from './support/canary-files/argo.ts'
import type { Case } from './support/canary-files/case.ts'
import { kayentaCases } from './support/canary-files/kayenta.ts'
import { startAnswering } from './support/canary-files/server.ts'

const cases: readonly Case[] = [...argoCases, ...kayentaCases]
/** Cases at work at once. */
const LANES = 4
/** The whole has to be worth its name. */
const LEAST = 30

/** What a run says when it stumbles over a file instead of refusing it. */
const STUMBLED = /Where the error came from|Cannot (read|convert|set|destructure)|is not (a function|iterable)|call stack|heap/

/** Runs the action on one file. Gives what is wrong, line by line. */
async function runCase({ file, inputs, answer, wants, says, asks }: Case, folder: string): Promise<string[]> {
  const server = await startAnswering(answer)
  const workspace = await mkdtemp(join(folder, 'case-'))
  try {
    await writeFile(join(workspace, 'canary.yml'), file)
    const { code, outputs, log } = await runBundle({
      action: 'canary-analyze',
      inputs: {
        'prometheus-url': server.url,
        'sample-delay': '0s',
        'query-timeout': '5s',
        ...inputs,
        config: 'canary.yml',
      },
      cwd: workspace,
      temp: await mkdtemp(join(folder, 'temp-')),
      ...(process.env['DIST'] && { dist: process.env['DIST'] }),
    })
    const { outcome, headline = '', reason = '' } = outputs
    const said = `${headline}\n${reason}\n${log}`
    const asked = server.asked()
    return [
      ...(outcome === wants ? [] : [`it is ${outcome}, not ${wants}: ${headline}: ${reason}`]),
      ...((code === 0) === (wants === 'passed') ? [] : [`it ended with ${code}`]),
      ...(says?.test(said) === false ? [`it does not say ${says}: ${headline}: ${reason}`] : []),
      ...(asks === 'nothing' && asked > 0 ? [`it asked the server ${asked} times before it refused the file`] : []),
      ...(asks === 'something' && asked === 0 ? ['it never asked the server'] : []),
      ...(STUMBLED.test(log) ? [`it stumbled: ${log.slice(-1500)}`] : []),
    ]
  } finally {
    await server.close()
  }
}

async function proveAlone({ only, log }: Alone): Promise<Figures> {
  const queue = cases.filter(({ name }) => only === undefined || name.includes(only))
  const files = queue.length
  if (only === undefined && files < LEAST) throw new Error(`there are only ${files} files; at least ${LEAST} are wanted`)
  if (files === 0) throw new Error(`no case has ${only} in its name`)
  const folder = await mkdtemp(join(tmpdir(), 'canary-files-'))
  let wrong = 0
  const lane = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const problems = await runCase(next, folder)
      if (problems.length) wrong++
      log(`${problems.length ? 'WRONG' : 'right'} ${next.name}`)
      for (const problem of problems) log(`      ${problem}`)
    }
  }
  try {
    await Promise.all(Array.from({ length: LANES }, lane))
  } finally {
    await rm(folder, { recursive: true })
  }
  return { files, wrong }
}

export const proof: Proof = {
  claim: 'AnalysisTemplates and Kayenta configs as people have them are read as meant, or refused by name before anything is asked',
  alone: proveAlone,
  judge: ({ wrong = 1 }) => (wrong ? [`${wrong} files were not read as they are meant`] : []),
}
