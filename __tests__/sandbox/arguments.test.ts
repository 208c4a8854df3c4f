import { expect, test } from '@jest/globals'
import { parseArguments } from '../../sandbox/arguments.ts'

test('without a verb there is help', () => {
  expect(parseArguments([]).verb).toBe('help')
  expect(parseArguments(['--help']).verb).toBe('help')
})

test('up takes its options', () => {
  expect(parseArguments(['up', '--nodes', '2', '--proxy-period', '3s'])).toEqual({
    verb: 'up',
    options: { nodes: 2, proxyPeriod: '3s' },
    rest: [],
  })
})

test('run ends its options at the command, whose own are left alone', () => {
  expect(parseArguments(['run', '--nodes', '1', 'node', '--nodes', '7'])).toEqual({
    verb: 'run',
    options: { nodes: 1 },
    rest: ['node', '--nodes', '7'],
  })
  expect(parseArguments(['run', '--', '--odd']).rest).toEqual(['--odd'])
})

test('kubectl gets all that follows', () => {
  expect(parseArguments(['kubectl', 'get', '--help']).rest).toEqual(['get', '--help'])
})

test('down and status take nothing, harm takes its part', () => {
  expect(parseArguments(['down'])).toEqual({ verb: 'down', options: {}, rest: [] })
  expect(parseArguments(['status']).verb).toBe('status')
  expect(parseArguments(['pause', 'kubelet-1'])).toEqual({ verb: 'pause', options: {}, rest: ['kubelet-1'] })
})

test.each([
  [['upp'], /upp is unknown; up, down/],
  [['up', '--node', '2'], /--node is unknown to up/],
  [['up', '--nodes', '3'], /--nodes is 3: 1 or 2/],
  [['up', '--nodes'], /--nodes is undefined/],
  [['up', '--proxy-period', '3'], /a duration such as 100ms/],
  [['up', 'now'], /up takes no now/],
  [['run'], /run wants a command/],
  [['down', 'all'], /down takes no all/],
  [['kill'], /kill wants one part/],
])('%j is refused', (argv, message) => {
  expect(() => parseArguments(argv)).toThrow(message)
})
