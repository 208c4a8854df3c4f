// action.yml and the schema that reads the inputs must say the same.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { z } from 'zod'
import { actionNames, type Contract, readContract } from '../../scripts/actions.ts'

/** What action.yml and a schema disagree on. */
function disagreements(contract: Contract, shape: Record<string, z.core.$ZodType>): string[] {
  const declared = Object.keys(contract.inputs)
  const known = Object.keys(shape)
  const names = [
    ...declared.filter((name) => !known.includes(name)).map((name) => `${name} is never read`),
    ...known.filter((name) => !declared.includes(name)).map((name) => `${name} is not declared`),
  ]
  return [
    ...names,
    ...Object.entries(contract.inputs).flatMap(([name, { required, default: fallback = '', description }]) => {
      const type = shape[name]
      if (!type) return []
      const [empty, given] = [z.safeParse(type, ''), z.safeParse(type, fallback)]
      return [
        ...(description.trim() ? [] : [`${name} has no description`]),
        ...(required === empty.success
          ? [`${name}: required is ${required}, but the schema ${empty.success ? 'takes' : 'refuses'} an empty one`]
          : []),
        ...(required && fallback ? [`${name} is required and has a default`] : []),
        ...(!required && !given.success ? [`${name}: the schema refuses the default '${fallback}'`] : []),
        ...(given.success && empty.success && JSON.stringify(given.data) !== JSON.stringify(empty.data)
          ? [`${name}: '${fallback}' is not what the schema makes of an empty input`]
          : []),
      ]
    }),
  ]
}

describe.each(actionNames('.'))('%s', (name) => {
  const contract = readContract(`actions/${name}/action.yml`)

  test('declares the inputs that it reads', async () => {
    const { schema } = (await import(resolve(`actions/${name}/inputs.ts`))) as { schema: unknown }
    if (!(schema instanceof z.ZodObject)) throw new Error('inputs.ts must export `schema`, a z.object')
    expect(disagreements(contract, schema.shape)).toEqual([])
  })

  test('runs on Node 24, from its bundles, and cleans up always', () => {
    const post = existsSync(`actions/${name}/post.ts`)
    expect(contract.runs).toEqual({
      using: 'node24',
      main: `../../dist/${name}/index.js`,
      ...(post ? { post: `../../dist/${name}/post/index.js`, 'post-if': 'always()' } : {}),
    })
  })

  test('declares and describes its outputs', () => {
    expect(Object.keys(contract.outputs)).toEqual(
      expect.arrayContaining(['outcome', 'headline', 'reason', 'duration', 'report', 'html-report']),
    )
    expect(Object.entries(contract.outputs).filter(([, { description }]) => !description.trim())).toEqual([])
  })
})

test('disagreements are found', async () => {
  const { input } = await import('../../actions/shared/action/inputs.ts')
  const of = (required: boolean, fallback?: string) => ({
    required,
    description: 'x',
    ...(fallback === undefined ? {} : { default: fallback }),
  })
  const contract: Contract = {
    name: 'x',
    description: 'x',
    outputs: {},
    runs: { using: 'node24', main: '' },
    inputs: {
      gone: of(false),
      wait: of(false, '5m'),
      bad: of(false, '5'),
      must: of(false),
      may: of(true),
      fine: of(false, '1m'),
      same: of(true),
    },
  }
  const shape = {
    wait: input.duration({ default: '6m' }),
    bad: input.duration({ default: '5s' }),
    must: input.required(),
    may: input.text(),
    extra: input.text(),
    fine: input.duration({ default: '60s' }),
    same: input.required(),
  }
  expect(disagreements(contract, shape)).toEqual([
    'gone is never read',
    'extra is not declared',
    "wait: '5m' is not what the schema makes of an empty input",
    "bad: the schema refuses the default '5'",
    'must: required is false, but the schema refuses an empty one',
    "must: the schema refuses the default ''",
    'may: required is true, but the schema takes an empty one',
  ])
})
