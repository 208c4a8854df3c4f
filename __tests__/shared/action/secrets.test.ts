import { expect, test } from '@jest/globals'
import { createSecrets } from '../../../actions/shared/action/secrets.ts'

test('a secret goes in every form that text carries it in', () => {
  const secrets = createSecrets()
  const secret = 'p"ss/wörd+1'
  secrets.add(secret)
  const base64 = Buffer.from(secret).toString('base64')
  for (const form of [
    secret,
    JSON.stringify(secret),
    encodeURIComponent(secret),
    base64,
    base64.replaceAll('=', ''),
    Buffer.from(secret).toString('base64url'),
  ])
    expect(secrets.redact(`a ${form} b`)).toMatch(/^a "?\*\*\*=*"? b$/)
  expect(secrets.redactAll({ [secret]: [secret, { deep: `x${secret}` }, 1, null, true] })).toEqual({
    '***': ['***', { deep: 'x***' }, 1, null, true],
  })
})

test('the lines of a secret are secret, but not its punctuation', () => {
  const secrets = createSecrets()
  secrets.add('{\n  "key": "abcdefgh"\n}\n')
  expect(secrets.redact('{ "key": "abcdefgh" }')).toBe('{ *** }')
})

test('a secret within another leaves nothing of it; an empty one hides nothing', () => {
  const secrets = createSecrets()
  secrets.add('inner')
  secrets.add('outer-inner-secret')
  secrets.add('  \n')
  expect(secrets.redact('outer-inner-secret inner \n')).toBe('*** *** \n')
})
