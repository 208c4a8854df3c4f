import { expect, test } from '@jest/globals'
import { z } from 'zod'
import { asInput, InputError, input, readInputs, readVariables } from '../../../actions/shared/action/inputs.ts'

/** What one input makes of a text, or the message that refuses it. */
function read<T>(type: z.ZodType<T>, text?: string): T | string {
  try {
    return readInputs(z.object({ 'an-input': type }), text === undefined ? {} : { 'INPUT_AN-INPUT': text })['an-input']
  } catch (error) {
    if (error instanceof InputError) return error.message
    throw error
  }
}

test('inputs come from INPUT_*, as the runner sets them; others are ignored', () => {
  const schema = z.object({ 'ready-timeout': input.duration({ default: '5m' }), name: input.required() })
  expect(readInputs(schema, { 'INPUT_READY-TIMEOUT': ' 90s ', INPUT_NAME: ' web ', INPUT_OTHER: 'x', NAME: 'y' })).toEqual({
    'ready-timeout': 90_000,
    name: 'web',
  })
})

test('every problem is listed, with the input, the value and what would be accepted', () => {
  const schema = z.object({
    count: input.integer({ min: 1, max: 9 }),
    name: input.required(),
    wait: input.duration({ min: 1000, default: '5m' }),
  })
  const all = (): unknown => readInputs(schema, { INPUT_COUNT: 'many', INPUT_WAIT: '90' })
  expect(all).toThrow(InputError)
  expect(all).toThrow(
    "count: 'many' is not accepted: a whole number, from 1 to 9\n" +
      'name: is required: one line of text\n' +
      "wait: '90' is not accepted: a duration with units like 500ms, 90s, 5m or 1h30m, 1s or more",
  )
})

test('an empty input means its default, and without one it is refused', () => {
  for (const text of [undefined, '', '  ']) {
    expect(read(input.duration({ default: '5m' }), text)).toBe(300_000)
    expect(read(input.duration(), text)).toMatch(/^an-input: is required: a duration/)
    expect(read(input.optional(input.duration()), text)).toBeUndefined()
    expect(read(input.text(), text)).toBe('')
    expect(read(input.flag(), text)).toBe(false)
    expect(read(input.flag({ default: 'true' }), text)).toBe(true)
    expect(read(input.lines(), text)).toEqual([])
    expect(read(input.lines({ default: 'a\nb' }), text)).toEqual(['a', 'b'])
  }
})

test('a secret that is not there is none; one of white space alone, or required, is refused', () => {
  const unset = 'is the secret set for this environment? Pull requests from forks get none'
  for (const text of [undefined, '']) {
    expect(read(input.secret(), text)).toBe('')
    expect(read(input.secret({ required: true }), text)).toBe(`an-input: is required: a secret; ${unset}`)
  }
  for (const text of ['  ', '\n']) expect(read(input.secret(), text)).toBe(`an-input: holds nothing but white space; ${unset}`)
})

test.each([
  [input.integer({ min: 0, max: 10 }), '7', 7, ['abc', '1.5', '11', '-1', '1e1', '0x1', '٣', '999999999999999999']],
  [input.number({ min: 0 }), '0.05', 0.05, ['abc', '-1', '1e5', 'NaN', 'Infinity', '1,5']],
  [input.duration({ min: 1000, max: 3_600_000 }), '1h', 3_600_000, ['90', '999ms', '61m', 'abc', '-1s']],
  [input.percentage(), '12.5%', 12.5, ['12.5', '101%', 'abc']],
  [input.choice(['service', 'ingress']), 'service', 'service', ['servise', 'Service', 'toString']],
  [input.flag(), 'True', true, ['yes', '1', 'tRue', 'toString']],
  [input.text({ matches: /^[a-z]+$/, accepts: 'lower-case letters' }), 'abc', 'abc', ['ABC', 'a b']],
  [input.required(), 'abc', 'abc', ['two\nlines', 'nul\0', 'escape\x1b[31m']],
  [input.optional(input.integer({ max: 5 })), '5', 5, ['6', 'abc']],
])('type %#: reads %j as %j and nothing else', (type: z.ZodType, good, value, bad) => {
  expect(read(type, good)).toEqual(value)
  for (const text of bad) expect([text, read(type, text)]).toEqual([text, expect.stringMatching(/^an-input: /)])
})

test('lists', () => {
  expect(read(input.lines(), ' a b \r\n\n c,d \n')).toEqual(['a b', 'c,d'])
  expect(read(input.lines(), 'a\nb\0')).toBe('an-input: holds a control character')
  expect(read(input.block(), ' a\n b ')).toBe('a\n b')
})

test('a refused value is shown cut and harmless', () => {
  expect(read(input.integer(), `::error::\n\u202e${'9'.repeat(500)}`)).toMatch(
    /^an-input: '::error:: ⏎ ⟨U\+202E⟩ … 440 characters cut … 9{60}' is not accepted: a whole number$/,
  )
})

test('a secret is masked before anything else, also when other inputs are wrong, and never shown', () => {
  const masked: string[] = []
  const schema = z.object({ token: input.secret(), other: input.optional(input.secret()), count: input.integer() })
  const all = (): unknown =>
    readInputs(schema, { INPUT_TOKEN: 'hunter2\0', INPUT_OTHER: 'hunter3', INPUT_COUNT: 'x' }, (secret) => masked.push(secret))
  expect(all).toThrow("token: holds a NUL character\ncount: 'x' is not accepted: a whole number")
  expect(masked).toEqual(['hunter2\0', 'hunter3'])
})

test('the result is frozen, all of it', () => {
  const result = readInputs(z.object({ lines: input.lines() }), { INPUT_LINES: 'a' })
  expect([result, result.lines].every(Object.isFrozen)).toBe(true)
})

const refusal = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    if (error instanceof InputError) return error.message
    throw error
  }
  return ''
}

test('name=value lines of two inputs; those of the second are masked, and none is shown', () => {
  const masked: string[] = []
  const readBoth = (lines: string[], text: string) => readVariables(['args', lines], ['secret-args', text], (secret) => masked.push(secret))
  expect(readBoth(['a=1', '', ' b-c = x=y ', 'e='], 'o=s\r\n\nkey=sesame')).toEqual({ a: '1', 'b-c': 'x=y', e: '', o: 's', key: 'sesame' })
  expect(masked).toEqual(['s', 'sesame'])
  expect(refusal(() => readBoth([], 'key=\nother= '))).toMatch(
    /^secret-args: key is empty; is the secret set .*\nsecret-args: other is empty;/,
  )
  expect(Object.keys(readBoth(['__proto__=1'], 'constructor=x'))).toEqual(['__proto__', 'constructor'])
  expect(refusal(() => readBoth(['a=1'], 'a=2'))).toBe('secret-args: a is in args as well')
  const item = (at: number): string =>
    `secret-args: item ${at} is not accepted: name=value, with a name of letters, digits, _ and -, a letter or _ first`
  const problems = refusal(() => readBoth([], 'sesame\na=1\n=sesame\na b=sesame\n1a=sesame\na=2'))
  expect(problems.split('\n')).toEqual([item(1), item(3), item(4), item(5), 'secret-args: a is there twice'])
})

test('what a reader throws is a problem of its input, each line one', () => {
  const fail = (error: unknown) => (): never => {
    throw error
  }
  expect(asInput('suite', () => 7)).toBe(7)
  expect(refusal(() => asInput('suite', fail(new Error('s.yaml:1: bad\ns.yaml:2: worse'))))).toBe(
    'suite: s.yaml:1: bad\nsuite: s.yaml:2: worse',
  )
  expect(refusal(() => asInput('suite', fail('suite: bad')))).toBe('suite: bad')
  expect(refusal(() => asInput('suite', fail(new InputError([{ input: 'junit', message: 'bad' }]))))).toBe('junit: bad')
})

// Were the time to grow with the square of the text, this would take hours.
test('a long line takes no time', () => {
  expect(refusal(() => readVariables(['args', [`a${' '.repeat(2 ** 20)}b`]], ['secret-args', ''], () => undefined))).toMatch(
    /^args: item 1/,
  )
  expect(read(input.duration(), '1'.repeat(2 ** 20))).toMatch(/is not accepted/)
  expect(read(input.percentage(), `1${' '.repeat(2 ** 20)}x%`)).toMatch(/is not accepted/)
})
