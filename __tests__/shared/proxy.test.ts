import { expect, test } from '@jest/globals'
import { proxyFor, proxySecrets } from '../../actions/shared/proxy.ts'

const at = (url: string) => new URL(url)
test.each([
  ['https://api.example:6443', '', 'yes'],
  ['http://api.example', '', 'no'],
  ['https://api.example', 'other.example', 'yes'],
  ['https://api.example', 'api.example', 'no'],
  ['https://api.example', 'API.example , x', 'no'],
  ['https://api.example', 'example', 'no'],
  ['https://api.example', '.example', 'no'],
  ['https://api.example', '*.example', 'no'],
  ['https://badexample', 'example', 'yes'],
  ['https://api.example', '*', 'no'],
  ['https://10.1.2.3', '10.0.0.0/8', 'no'],
  ['https://11.1.2.3', '10.0.0.0/8', 'yes'],
  ['https://10.1.2.3', '10.1.2.3', 'no'],
  ['https://[fd00::1]:6443', 'fd00::/8', 'no'],
  ['https://[fe00::1]', 'fd00::/8,10.0.0.0/8', 'yes'],
  ['https://api.example', 'x/8', 'yes'],
  ['https://10.1.2.3', '10.0.0.0/99', 'yes'],
  ['https://10.1.2.3', '10.0.0.0/x', 'yes'],
  ['https://10.1.2.3', '10.0.0.0/', 'yes'],
  ['https://10.1.2.3', '10.0.0.0/99,10.1.2.3', 'no'],
  ['https://10.1.2.3', 'fd00::/8', 'yes'],
  ['https://[::ffff:10.1.2.3]', '10.0.0.0/8', 'no'],
  ['https://[fd00::1]', '[fd00::1]:443', 'no'],
  ['https://[fd00::1]', '[fd00::1]', 'yes'],
  ['https://[fd00::1]', 'fd00:0::1', 'no'],
  ['https://[fd00::1]:6443', '[fd00::1]:443', 'yes'],
  ['https://api.example', 'api.example:443', 'no'],
  ['https://api.example:6443', 'api.example:443', 'yes'],
  ['https://api.example:6443', 'example:6443', 'no'],
  ['https://10.1.2.3:6443', '10.1.2.3:443', 'yes'],
  ['https://example', '.example', 'yes'],
  ['https://example', '*.example', 'yes'],
  ['https://example', ' , ,:443,', 'yes'],
  ['https://bücher.example', 'bücher.example', 'no'],
  ['https://localhost:6443', '', 'no'],
  ['https://127.8.9.1', '', 'no'],
  ['https://[::1]', '', 'no'],
  ['https://10.1.2.3', '2.3', 'yes'],
])('%s with NO_PROXY=%s goes through the proxy: %s', (server, none, expected) => {
  const found = proxyFor(at(server), { HTTPS_PROXY: 'http://proxy.example:3128', NO_PROXY: none })
  expect(found).toBe(expected === 'yes' ? 'http://proxy.example:3128' : undefined)
})

test.each<[string, Record<string, string>, string | undefined]>([
  ['https://api.example', { https_proxy: 'http://small.example:1' }, 'http://small.example:1'],
  ['https://api.example', { HTTPS_PROXY: '', https_proxy: 'http://small.example:1' }, 'http://small.example:1'],
  ['https://api.example', { HTTPS_PROXY: 'http://big.example:1', https_proxy: 'http://small.example:1' }, 'http://big.example:1'],
  ['https://api.example', { HTTPS_PROXY: 'proxy.local:3128' }, 'http://proxy.local:3128'],
  ['https://api.example', { HTTPS_PROXY: '10.0.0.1:3128' }, 'http://10.0.0.1:3128'],
  ['https://api.example', { HTTPS_PROXY: 'user:pw@proxy.local:3128' }, 'http://user:pw@proxy.local:3128'],
  ['https://api.example', { HTTPS_PROXY: 'socks5://proxy.local:1080' }, 'socks5://proxy.local:1080'],
  ['https://api.example', { HTTPS_PROXY: 'x', no_proxy: 'api.example' }, undefined],
  ['https://api.example', { HTTP_PROXY: 'x', ALL_PROXY: 'x' }, undefined],
  ['http://api.example', { HTTP_PROXY: 'http://plain.example', HTTPS_PROXY: 'x' }, 'http://plain.example'],
  ['http://api.example:9090', { HTTP_PROXY: 'x', NO_PROXY: 'api.example:9090' }, undefined],
  ['ftp://api.example', { HTTP_PROXY: 'x', HTTPS_PROXY: 'x' }, undefined],
])('%s with %j goes through %s', (address, environment, expected) => {
  expect(proxyFor(at(address), environment)).toBe(expected)
})

test.each(['http://', 'ftp://proxy.example', 'http://user:sesame@[', 'proxy.example:port'])(
  'a proxy %s is refused by its variable',
  (value) => {
    const ask = () => proxyFor(at('https://api.example'), { https_proxy: value })
    expect(ask).toThrow(/^\$https_proxy is no address of a proxy: .+ list api.example in \$NO_PROXY$/)
    expect(ask).not.toThrow(/sesame/)
  },
)

test('the password of a proxy is a secret in every form that is sent', () => {
  expect(proxySecrets('http://me:p%40ss@proxy.example')).toEqual(['p%40ss', 'p@ss', Buffer.from('me:p@ss').toString('base64')])
  expect(proxySecrets('http://me:100%@proxy.example')).toContain('100%')
  for (const none of [undefined, 'http://proxy.example', 'nonsense']) expect(proxySecrets(none)).toEqual([])
})
