import { expect, test } from '@jest/globals'
import { createTerminal, parseInputs } from '../../scripts/action.ts'
import type { Contract } from '../../scripts/actions.ts'
import { createCommandReader } from '../../scripts/commands.ts'

test('lines are commands as the runner sees them', () => {
  const read = createCommandReader()
  expect(read('::error title=a%3Ab%2Cc,line=1::two%0Alines %2525')).toEqual({
    name: 'error',
    properties: { title: 'a:b,c', line: '1' },
    data: 'two\nlines %25',
  })
  expect(read('  ::endgroup::')).toEqual({ name: 'endgroup', properties: {}, data: '' })
  expect(read('anything ##[warning]late')).toEqual({ name: 'warning', properties: {}, data: 'late' })
  for (const text of ['x ::error::no', '::unknown::no', ':: error::no', '::error', '##[unknown]no', '']) expect(read(text)).toBeUndefined()
})

test('stopped commands are text until the token comes', () => {
  const read = createCommandReader()
  const names = ['::stop-commands::t0ken', '::error::x', '::stop-commands::other', '::other::', '::t0ken::', '::error::x'].map(
    (line) => read(line)?.name,
  )
  expect(names).toEqual(['stop-commands', undefined, undefined, undefined, 't0ken', 'error'])
})

test('a terminal shows groups and annotations, and no secret', () => {
  const shown: string[] = []
  const terminal = createTerminal((line) => shown.push(line))
  const read = createCommandReader()
  for (const line of [
    '::add-mask::one%0Atwo',
    '::group::verify one',
    'one and two',
    '::endgroup::',
    '::error title=demo::bad two',
    '::debug::x',
  ])
    terminal(line, read(line))
  expect(shown).toEqual(['▸ verify ***', '*** and ***', 'error: demo: bad ***'])
})

test('arguments are inputs', () => {
  const contract: Contract = {
    name: 'demo',
    description: '',
    outputs: {},
    runs: { using: 'node24', main: '' },
    inputs: { name: { description: '', required: true }, wait: { description: '', required: true, default: '5m' } },
  }
  expect(parseInputs(contract, ['name=a=b', 'wait='])).toEqual({ name: 'a=b', wait: '' })
  expect(() => parseInputs(contract, ['wait=1m'])).toThrow('demo requires name=...')
  expect(() => parseInputs(contract, ['nam=x'])).toThrow('demo has no input nam; its inputs: name, wait')
  expect(() => parseInputs(contract, ['name=x', '--flag'])).toThrow('not input=value: --flag')
})
