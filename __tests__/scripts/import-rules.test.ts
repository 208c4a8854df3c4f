// Which room may know which (types count too). Written here because dependency-cruiser reads TypeScript through a compiler API that
// TypeScript 7 does not have: it sees no import at all, and passes everything.
import { globSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { expect, test } from '@jest/globals'

interface Edge {
  from: string
  /** A path from the project's folder, or a package. */
  to: string
}

interface Rule {
  why: string
  from: RegExp
  /** Whether a file that `from` matched may not import `to`. */
  forbids: (to: string, from: RegExpExecArray) => boolean
}

const gates = /^actions\/(smoke-test|canary-analyze)\/engine\.ts$/
const action = /^actions\/(?!shared\/)([^/]+)\//

const rules: Rule[] = [
  { why: 'shared/ never imports an action', from: /^actions\/shared\//, forbids: (to) => action.test(to) },
  {
    why: 'nothing in actions/ imports what is around it',
    from: /^actions\//,
    forbids: (to) => /^(?!actions\/)[^/]+\/.*\.(ts|mjs)$/.test(to),
  },
  {
    why: 'only main, post and inputs know the GitHub side',
    from: /^actions\/(?!shared\/)(?!.*\/(main|post|inputs)\.ts$)/,
    forbids: (to) => /^(actions\/shared\/action\/|@actions\/(core|github)$)/.test(to),
  },
  {
    why: 'shared/ but action/ knows no GitHub side',
    from: /^actions\/shared\/(?!action\/)/,
    forbids: (to) => /^(actions\/shared\/action\/|@actions\/(core|github)$)/.test(to),
  },
  {
    why: 'no action knows another, but a release calls its gates',
    from: action,
    forbids: (to, [, own]) => {
      const other = action.exec(to)?.[1]
      return other !== undefined && other !== own && !(own === 'bluegreen-deploy' && gates.test(to))
    },
  },
]

/** The rooms of bluegreen-deploy by floors, from the top: each may know only what stands below it. */
const FLOORS: RegExp[] = [
  /^(main|post)\.ts$/,
  /^(inputs|evidence)\.ts$|^gates\/smoke-suite\.ts$/,
  /^engine\.ts$/,
  /^commands\//,
  /^machine\//,
  /^(routers|workloads)\//,
  /^(gates|writes)\//,
  /^ledger\//,
  /^release\//,
  /^manifests\//,
  /^(ports|config)\.ts$/,
]
const HOUSE = 'actions/bluegreen-deploy/'
const floorOf = (file: string): number => FLOORS.findIndex((floor) => floor.test(file.slice(HOUSE.length)))

/** Imports of the house that lead up; ports and config name types of what they are made of. */
function upward(edges: readonly Edge[]): string[] {
  return edges.flatMap(({ from, to }) => {
    if (!from.startsWith(HOUSE) || !to.startsWith(HOUSE)) return []
    const [own, other] = [floorOf(from), floorOf(to)]
    if (own < 0 || other < 0) return [`${own < 0 ? from : to} stands on no floor`]
    return other < own && own < FLOORS.length - 1 ? [`${from} -> ${to} leads up`] : []
  })
}

/** What the text of a file imports, in any form; Biome keeps the quotes single. */
const specifiers = (text: string): string[] =>
  [...text.matchAll(/^\s*(?:import|export)\b[^'"`;]*?\bfrom '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm)].map(
    ([, a, b, c]) => a ?? b ?? c ?? '',
  )

const edgesOf = (files: ReadonlyMap<string, string>): Edge[] =>
  [...files].flatMap(([from, text]) =>
    specifiers(text).map((to) => ({ from, to: to.startsWith('.') ? posix.join(posix.dirname(from), to) : to })),
  )

function violations(edges: readonly Edge[]): string[] {
  const broken = edges.flatMap(({ from, to }) =>
    rules.flatMap((rule) => {
      const match = rule.from.exec(from)
      return match && rule.forbids(to, match) ? [`${from} -> ${to}: ${rule.why}`] : []
    }),
  )
  const next = Map.groupBy(edges, ({ from }) => from)
  const done = new Set<string>()
  const visit = (file: string, path: string[]): string[] => {
    if (path.includes(file)) return [`a cycle: ${[...path.slice(path.indexOf(file)), file].join(' -> ')}`]
    if (done.has(file)) return []
    const found = (next.get(file) ?? []).flatMap(({ to }) => visit(to, [...path, file]))
    done.add(file)
    return found
  }
  return [...broken, ...[...next.keys()].flatMap((file) => visit(file, []))]
}

test('the project keeps its import rules', () => {
  const files = new Map(globSync('{actions,scripts,sandbox,__tests__}/**/*.{ts,mjs}').map((file) => [file, readFileSync(file, 'utf8')]))
  const edges = edgesOf(files)
  // Were the imports not seen, every rule would be kept.
  expect(edges).toContainEqual({ from: 'actions/shared/action/run.ts', to: 'actions/shared/report/report.ts' })
  expect(edges.length).toBeGreaterThan(files.size)
  expect(edges.filter(({ to }) => /^(actions|scripts|sandbox|__tests__)\/.*\.ts$/.test(to) && !files.has(to))).toEqual([])
  expect(violations(edges)).toEqual([])
  expect(edges.filter(({ from, to }) => from.startsWith(HOUSE) && to.startsWith(HOUSE)).length).toBeGreaterThan(100)
  expect(upward(edges)).toEqual([])
})

test.each([
  ['release/names.ts', 'ledger/store.ts', 'leads up'],
  ['gates/gate.ts', 'machine/step.ts', 'leads up'],
  ['strange.ts', 'config.ts', 'stands on no floor'],
])('of the house, %s may not know %s', (from, to, why) => {
  expect(upward([{ from: HOUSE + from, to: HOUSE + to }])).toEqual([expect.stringContaining(why)])
  expect(upward([{ from: HOUSE + to, to: HOUSE + from }]).filter((text) => text.includes('leads up'))).toEqual([])
})

test.each([
  ['actions/shared/report/a.ts', "import { x } from '../../smoke-test/engine.ts'", 'shared/ never imports an action'],
  ['actions/smoke-test/engine.ts', "import type { Host } from '../shared/action/run.ts'", 'only main, post and inputs'],
  ['actions/smoke-test/deep/x.ts', "import * as core from '@actions/core'", 'only main, post and inputs'],
  ['actions/shared/kubernetes/x.ts', "import { x } from '../action/run.ts'", 'knows no GitHub side'],
  ['actions/bluegreen-deploy/plan.ts', "import { x } from '../smoke-test/probe.ts'", 'no action knows another'],
  ['actions/build-image/engine.ts', "import { x } from '../smoke-test/engine.ts'", 'no action knows another'],
  ['actions/smoke-test/engine.ts', "export * from '../../sandbox/cli.ts'", 'nothing in actions/ imports'],
  ['actions/smoke-test/engine.ts', "const x = await import('../../scripts/runner.ts')", 'nothing in actions/ imports'],
  [
    'actions/smoke-test/engine.ts',
    "import {\n  type A,\n  b,\n} from './engine.ts'",
    'a cycle: actions/smoke-test/engine.ts -> actions/smoke-test/engine.ts',
  ],
])('%s may not: %s', (file, text, why) => {
  expect(violations(edgesOf(new Map([[file, text]])))).toEqual([expect.stringContaining(why)])
})

test('what the rules allow', () => {
  const files = new Map([
    [
      'actions/bluegreen-deploy/engine.ts',
      "import { x } from '../canary-analyze/engine.ts'\nimport { y } from '../shared/report/story.ts'\nimport { z } from './plan.ts'",
    ],
    ['actions/bluegreen-deploy/main.ts', "import { x } from '../shared/action/run.ts'\nimport '@actions/core'"],
    ['__tests__/x.test.ts', "import { x } from '../actions/smoke-test/probe.ts'"],
  ])
  expect(edgesOf(files)).toHaveLength(6)
  expect(violations(edgesOf(files))).toEqual([])
})
