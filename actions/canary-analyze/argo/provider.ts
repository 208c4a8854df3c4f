// Where a metric is read: Prometheus, and what of its settings can be honoured here.
import { wrongsText } from '../../shared/text/issues.ts'
import { isRecord } from '../../shared/text/records.ts'
import { prometheusSchema } from './schema.ts'

export interface Source {
  query: string
  /** Where its Prometheus is, when the template says so. */
  address: string | undefined
  /** Milliseconds; undefined: as for every query. */
  timeout: number | undefined
  headers: readonly { key: string; value: string }[]
}

const others = ['kayenta', 'web', 'datadog', 'wavefront', 'newRelic', 'job', 'cloudWatch', 'graphite', 'influxdb', 'skywalking', 'plugin']
/** A day, in seconds. */
const LONGEST = 86_400

/** What to do instead, by the way of authentication that a template asks for. */
const instead: Record<string, string> = {
  basicAuth: 'give the inputs prometheus-username and prometheus-password',
  oauth2: 'get a token in the workflow, and give it as prometheus-token',
  sigv4: 'let a signing proxy stand before Prometheus, and name it in prometheus-url',
}

/** Throws an Error that names what cannot be used. */
export function readProvider(provider: Readonly<Record<string, unknown>>, fill: (text: string) => string): Source {
  const given = Object.keys(provider).filter((name) => provider[name] !== null && provider[name] !== undefined)
  const unknown = given.find((name) => name !== 'prometheus' && !others.includes(name))
  if (unknown !== undefined)
    throw new Error(`its provider is ${unknown}, which Argo Rollouts does not know either; only prometheus can be asked`)
  if (given.length > 1) throw new Error(`it has several providers, ${given.join(' and ')}: one is wanted, prometheus`)
  if (given[0] !== 'prometheus') throw new Error(`its provider is ${given[0] ?? 'missing'}; only prometheus can be asked`)
  const read = prometheusSchema.safeParse(provider['prometheus'])
  if (!read.success) throw new Error(`provider.prometheus: ${wrongsText(read.error)}`)
  const { query, address, authentication = {}, timeout, insecure, headers, rangeQuery } = read.data
  if (rangeQuery !== undefined && rangeQuery !== null) throw new Error('rangeQuery is not supported; write the range into the query')
  if (insecure) throw new Error('insecure: true is not supported: give the CA of its Prometheus in the input prometheus-ca')
  for (const [way, settings] of Object.entries(authentication))
    if (says(settings)) throw new Error(`authentication.${way} is not supported: ${instead[way] ?? 'leave it out'}`)
  if (timeout !== undefined && (timeout < 1 || timeout > LONGEST))
    throw new Error(`timeout is ${timeout}: whole seconds from 1 to ${LONGEST} are wanted`)
  const filledQuery = fill(query ?? '')
  if (filledQuery.trim() === '') throw new Error('it has no query')
  const filledAddress = address ? fill(address) : undefined
  if (filledAddress !== undefined && !/^https?:$/.test(URL.parse(filledAddress)?.protocol ?? ''))
    throw new Error(`its address '${filledAddress}' is not a URL that begins with http:// or https://`)
  return {
    query: filledQuery,
    address: filledAddress,
    timeout: timeout === undefined ? undefined : timeout * 1000,
    headers: headers.map(({ key, value }) => ({ key: fill(key), value: fill(value) })),
  }
}

/** Whether anything is set: Argo Rollouts writes empty settings where none were given. */
const says = (settings: unknown): boolean => isRecord(settings) && Object.values(settings).some((value) => String(value) !== '')
