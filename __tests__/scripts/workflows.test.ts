// What every workflow of the project keeps to, those that users copy as well: named jobs, no right that is not asked for and explained,
// and no foreign code that can change behind a tag.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { parse } from 'yaml'

interface Job {
  name?: string
  permissions?: object | string
}

const files = ['.github/workflows', 'workflows'].flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => /\.ya?ml$/.test(name))
    .map((name) => join(folder, name)),
)

/** What is wrong with a workflow, one line for each fault. */
function faults(text: string): string[] {
  const { permissions, jobs } = parse(text) as { permissions?: unknown; jobs: Record<string, Job> }
  const ofJobs = Object.entries(jobs).flatMap(([id, job]) => [
    ...(job.name ? [] : [`job ${id} has no name`]),
    ...unexplained(id, job.permissions ?? {}, text),
  ])
  const none = typeof permissions === 'object' && permissions !== null && Object.keys(permissions).length === 0
  return [...(none ? [] : ['the top level has no permissions: {}']), ...ofJobs, ...text.split('\n').flatMap(faultsOfLine)]
}

/** The rights to write of a job that no comment behind them explains; all rights at once have no explanation. */
function unexplained(id: string, permissions: object | string, text: string): string[] {
  if (typeof permissions === 'string') return [`job ${id} asks for ${permissions}`]
  const rights = Object.entries(permissions).filter(([, right]) => right === 'write')
  return rights
    .filter(([of]) => !new RegExp(`^ +${of}: write # \\w`, 'm').test(text))
    .map(([of]) => `job ${id} does not say why ${of}: write`)
}

/** Read as a line, as the version behind the SHA is a comment. */
function faultsOfLine(line: string): string[] {
  const [, uses] = /^\s*(?:- )?uses: (.*)$/.exec(line) ?? []
  const pinned = uses === undefined || isOwn(uses) || /^[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*$/.test(uses)
  return pinned ? [] : [`not pinned: ${uses}`]
}

const isOwn = (uses: string): boolean => /^(\.\/|org\/devops-actions\/[\w-]+@v\d+$)/.test(uses)

test.each(files)('%s keeps to it', (file) => {
  const text = readFileSync(file, 'utf8')
  expect(faults(text)).toEqual([])
  // Each step that the parser sees was seen as a line too: a form that the lines do not show would go unchecked.
  const seen = text.split('\n').filter((line) => /^\s*(- )?uses: /.test(line))
  expect(seen).toHaveLength(usesIn(parse(text)))
})

function usesIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return Object.entries(value).reduce((sum, [key, inner]) => sum + (key === 'uses' ? 1 : usesIn(inner)), 0)
}

const sha = 'a'.repeat(40)
const good = `permissions: {}
jobs:
  one:
    name: One
    permissions:
      contents: read
      deployments: write # to tell of them
    steps:
      - uses: o/r@${sha} # v1.2.3
      - uses: org/devops-actions/bluegreen-deploy@v1
      - uses: ./somewhere
`

test('the workflows are there, and one that keeps to it is not blamed', () => {
  expect(files).toEqual(expect.arrayContaining(['.github/workflows/ci.yml', 'workflows/release-production.yml']))
  expect(faults(good)).toEqual([])
})

test.each([
  ['    name: One\n', '', 'job one has no name'],
  ['permissions: {}\n', '', 'the top level has no permissions: {}'],
  ['permissions: {}\n', 'permissions: write-all\n', 'the top level has no permissions: {}'],
  ['permissions: {}\n', 'permissions: { contents: read }\n', 'the top level has no permissions: {}'],
  [
    'permissions:\n      contents: read\n      deployments: write # to tell of them\n',
    'permissions: write-all\n',
    'job one asks for write-all',
  ],
  [' # to tell of them', '', 'job one does not say why deployments: write'],
  ['deployments: write # to tell of them', 'deployments: write #', 'job one does not say why deployments: write'],
  [' # v1.2.3', '', `not pinned: o/r@${sha}`],
  [sha, sha.slice(1), `not pinned: o/r@${sha.slice(1)} # v1.2.3`],
  [sha, 'v1', 'not pinned: o/r@v1 # v1.2.3'],
  ['org/devops-actions/bluegreen-deploy@v1', 'org/other/bluegreen-deploy@v1', 'not pinned: org/other/bluegreen-deploy@v1'],
])('%j as %j is a fault', (from, to, fault) => {
  expect(faults(good.replace(from, to))).toEqual([fault])
})
