// Series that count the same requests: added up, they would make every count a multiple, and the evidence with it.
import type { Labels } from '../../shared/prometheus/answer.ts'
import type { Growth } from '../../shared/prometheus/counters.ts'
import { cut } from '../../shared/report/text.ts'
import { POD, sumOf } from './source.ts'

/** What scrapes, federations, replicas and proxies add: series of a pod that differ in one of these and grow alike are of the same requests. */
const ORIGINS = [
  ...['job', 'container', 'prometheus', 'prometheus_replica', 'replica', 'monitor', 'receive', 'tenant_id', 'agent', 'collector'],
  ...['reporter', 'scrape_job', 'exported_job', 'exported_instance', 'metrics_path'],
]
/** What differs along with them, and may differ for reasons of its own. */
const ALONG = ['endpoint', 'service']
/** Values by which a series says that it is the sum of the others. */
const SUMS = /^(_?(all|total|any|sum|overall|aggregate)_?|\*)$/i
/** Fewer requests than these tell nothing of a series. */
const LEAST = 100
/** So much may two counts of the same requests differ, since they are read at different times. */
const SLACK = 0.1

const alike = (a: number, b: number): boolean => Math.abs(a - b) <= SLACK * Math.max(a, b)

/** Says which label tells series apart that count the same requests; undefined when none does. */
export function countedTwice(grown: readonly Growth[]): string | undefined {
  return byOrigin(grown) ?? bySum(grown)
}

function byOrigin(grown: readonly Growth[]): string | undefined {
  const groups = enough(
    Map.groupBy(grown, ({ labels }) => without(labels, [...ORIGINS, ...ALONG, ...(hasPod(labels) ? ['instance'] : [])])),
  )
  if (groups.length === 0 || !groups.every(sameGrowth)) return undefined
  const label = ORIGINS.find((name) => valuesOf(grown, name).length > 1)
  return (
    label &&
    `series that differ only in ${label} (${shown(valuesOf(grown, label))}) count the same requests: leave all but one out, with a matcher such as ${label}="..."`
  )
}

/** Whether a pod is named by more than the address that was scraped. */
const hasPod = (labels: Labels): boolean => POD.some((name) => name !== 'instance' && labels[name] !== undefined)

function bySum(grown: readonly Growth[]): string | undefined {
  for (const label of new Set(grown.flatMap((one) => Object.keys(one.labels)))) {
    const values = valuesOf(grown, label)
    if (values.length < 2 || !values.some((value) => SUMS.test(value))) continue
    const groups = enough(Map.groupBy(grown, ({ labels }) => without(labels, [label])))
    if (groups.length > 0 && groups.every((group) => holdsItsSum(group, label)))
      return `one value of ${label} (${shown(values)}) is the sum of the others: leave it out with a matcher such as ${label}!="..."`
  }
  return undefined
}

const enough = (groups: Map<string, Growth[]>): Growth[][] => [...groups.values()].filter((group) => sumOf(group) >= LEAST)

const valuesOf = (grown: readonly Growth[], label: string): string[] => [...new Set(grown.map((one) => one.labels[label] ?? ''))]

const shown = (values: readonly string[]): string =>
  values
    .slice(0, 5)
    .map((value) => `"${cut(value, 60)}"`)
    .join(', ')

const sameGrowth = (group: readonly Growth[]): boolean =>
  group.length > 1 && group.every(({ growth }) => alike(growth, group[0]?.growth ?? 0))

function holdsItsSum(group: readonly Growth[], label: string): boolean {
  const [sums, parts] = [
    group.filter((one) => SUMS.test(one.labels[label] ?? '')),
    group.filter((one) => !SUMS.test(one.labels[label] ?? '')),
  ]
  return sums.length > 0 && parts.length > 0 && alike(sumOf(sums), sumOf(parts))
}

const without = (labels: Labels, names: readonly string[]): string =>
  JSON.stringify(
    Object.entries(labels)
      .filter(([name]) => !names.includes(name))
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )
