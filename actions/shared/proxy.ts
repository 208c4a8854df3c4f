// The proxy that the environment asks for, read as Go and so kubectl read it: https://pkg.go.dev/golang.org/x/net/http/httpproxy
import { BlockList, isIP } from 'node:net'
import { domainToASCII } from 'node:url'

type Environment = Record<string, string | undefined>

/** The kinds of proxies that Go knows. */
const PROTOCOLS = /^(https?|socks5h?):$/

/**
 * The proxy for requests to an address, as a URL: $HTTPS_PROXY for https, $HTTP_PROXY for http, in capitals or small letters; an address
 * without a scheme is one of http. Undefined when there is none, when $NO_PROXY excepts the address, and for localhost and loopback
 * addresses. $ALL_PROXY is not looked at, as in Go. Throws an Error that names the variable, and not its value, when it is no address.
 */
export function proxyFor(to: URL, environment: Environment): string | undefined {
  const names = to.protocol === 'https:' ? ['HTTPS_PROXY', 'https_proxy'] : to.protocol === 'http:' ? ['HTTP_PROXY', 'http_proxy'] : []
  const [name, given] = firstOf(names, environment)
  if (given === '' || isExcepted(to, firstOf(['NO_PROXY', 'no_proxy'], environment)[1])) return undefined
  const text = given.includes('://') ? given : `http://${given}`
  const proxy = URL.parse(text)
  if (!proxy || !PROTOCOLS.test(proxy.protocol) || proxy.hostname === '')
    throw new Error(
      `$${name} is no address of a proxy: http://host:port, https:// and socks5:// are possible; correct it, or list ${to.host} in $NO_PROXY`,
    )
  return text
}

/** What in the address of a proxy is secret: its password, and user and password as they are sent. */
export function proxySecrets(proxy: string | undefined): string[] {
  const url = proxy === undefined ? null : URL.parse(proxy)
  if (!url?.password) return []
  const decoded = [url.username, url.password].map(decode)
  return [url.password, decoded[1] ?? '', Buffer.from(decoded.join(':')).toString('base64')]
}

/** Percent signs that encode nothing stand for themselves. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The first of the variables that is not empty. */
function firstOf(names: readonly string[], environment: Environment): [name: string, value: string] {
  for (const name of names) {
    const value = environment[name]?.trim()
    if (value) return [name, value]
  }
  return ['', '']
}

function isExcepted(to: URL, list: string): boolean {
  const host = to.hostname.replace(/^\[|\]$/g, '').toLowerCase()
  const port = to.port || (to.protocol === 'https:' ? '443' : '80')
  if (host === 'localhost' || (isIP(host) && LOOPBACK.check(host, familyOf(host)))) return true
  return list
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => entry === '*' || (entry !== '' && matches(entry, host, port)))
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4')

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8)
LOOPBACK.addAddress('::1', 'ipv6')

/** Whether an entry of $NO_PROXY is about a host: an address, a block of them, a domain and what is below it, each with a port or without. */
function matches(entry: string, host: string, port: string): boolean {
  const blocks = new BlockList()
  const [network = '', bits = ''] = entry.split('/')
  if (entry.includes('/') && isIP(network) && /^\d{1,3}$/.test(bits) && Number(bits) <= (isIP(network) === 6 ? 128 : 32)) {
    if (!isIP(host)) return false
    blocks.addSubnet(network, Number(bits), familyOf(network))
    return blocks.check(host, familyOf(host))
  }
  const [name, only] = hostAndPort(entry)
  if (only !== '' && only !== port) return false
  if (isIP(name)) {
    if (!isIP(host)) return false
    blocks.addAddress(name, familyOf(name))
    return blocks.check(host, familyOf(host))
  }
  if (name === '' || isIP(host)) return false
  const domain = name.replace(/^\*(?=\.)/, '')
  const ascii = domainToASCII(domain.replace(/^\./, '')) || domain.replace(/^\./, '')
  return host.endsWith(`.${ascii}`) || (!domain.startsWith('.') && host === ascii)
}

/** `host:80` and `[::1]:80` in their parts; what is written otherwise is a host as it is. */
function hostAndPort(entry: string): [host: string, port: string] {
  const [, bracketed, plain, port = ''] = /^(?:\[([^[\]]*)\]|([^:[\]]*)):([^:]*)$/.exec(entry) ?? []
  return [bracketed ?? plain ?? entry, port]
}
