import { expect, test } from '@jest/globals'
import { withoutValues } from '../../../actions/shared/text/values.ts'

// As API servers of Kubernetes say it.
test.each([
  [
    'failed to create typed patch object (d/s; /v1, Kind=Secret): .immutable: expected boolean, got &{hunter2}',
    'failed to create typed patch object (d/s; /v1, Kind=Secret): .immutable: expected boolean, got ***',
  ],
  ['.data: expected map, got hunter2\nand "more" of hunter2', '.data: expected map, got ***'],
  [
    'Secret "s" is invalid: data[pass.word]: Invalid value: "hunter2 \\" hunter2": a valid key must consist of',
    'Secret *** is invalid: data[pass.word]: Invalid value: ***: a valid key must consist of',
  ],
  ['type: Invalid value: hunter2: field is immutable', 'type: Invalid value: ***'],
  ['data: Forbidden: field is immutable when `immutable` is set', 'data: Forbidden: field is immutable when *** is set'],
  [
    'illegal base64 data at input byte 4, error found in #10 byte of ...|ssword":"hunter2"|..., bigger context ...|{"data"',
    'illegal base64 data at input byte 4, error found in #10 byte of ***',
  ],
  [
    'json: cannot unmarshal number 4711 into Go struct field Secret.data of type string',
    'json: cannot unmarshal number *** into Go struct field Secret.data of type string',
  ],
  [
    'json: cannot unmarshal string into Go struct field Secret.data of type []uint8',
    'json: cannot unmarshal string into Go struct field Secret.data of type []uint8',
  ],
  ['unable to decode: {"kind":"Secret","data":{"p":"hunter2"}}', 'unable to decode: {***'],
  ["the field doesn't take 'hunter2' as its value", "the field doesn't take *** as its value"],
  ['the text "hunter2 has no end', 'the text ***'],
  ['admission webhook "w" denied the request: hunter2 is too short', 'admission webhook *** denied the request: ***'],
  ['the server is away (503)', 'the server is away (503)'],
])('%s', (message, safe) => {
  expect(withoutValues(message)).toBe(safe)
})

test('a long message takes no time', () => {
  for (const part of ['"', "'", '`', '\\', '{', 'got', ' ', 'Invalid value: *** '])
    expect(withoutValues(part.repeat(2 ** 18 / part.length)).length).toBeLessThan(2 ** 19)
})
