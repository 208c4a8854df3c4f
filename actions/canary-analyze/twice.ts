// Series that count the same requests: added up, they would make every count a multiple, and the evidence with it.
import type { Labels } from '../shared/prometheus/answer.ts'
import type { Growth } from '../shared/prometheus/counters.ts'
import { cut } from '../shared/report/text.ts'

/** What scrapes, federations, replicas and proxies add: series that differ only in one of these and grow alike are of the same requests. */
const ORIGINS = [
  'job', 'instance', 'endpoint', 'service', 'container', 'prometheus', 'prometheus_replica', 'replica', 'monitor', 'receive', 'tenant_id',
  'agent', 'collector', 'reporter', 'exported_job', 'exported_instance', 'exported_pod', 'metrics_path', 'scrape_job', 'rule_group',
] // biome-ignore format: a list
/** Values by which a series says that it is the sum of the others. */
const SUMS = /^(_?(all|total|any|sum|overall|aggregate)_?|\*)$/i
/** Fewer requests than these tell nothing of a series. */
const LEAST = 100
/** So much may two counts of the same requests differ, since they are read at different times. */
const SLACK = 0.1

const alike = (a: number, b: number): boolean => Math.abs(a - b) <= SLACK * Math.max(a, b)

/** Says which label tells series apart that count the same requests; undefined when none does. */
export function countedTwice(grown: readonly Growth[]): string | undefined {
  const labels = new Set(grown.flatMap((one) => Object.keys(one.labels)))
  for (const label of labels) {
    const values = [...new Set(grown.map((one) => one.labels[label] ?? ''))]
    if (values.length < 2) continue
    const groups = [...Map.groupBy(grown, (one) => without(one.labels, label)).values()].filter((group) => sumOf(group) >= LEAST)
    if (groups.length === 0) continue
    const shown = values
      .slice(0, 5)
      .map((value) => `"${cut(value, 60)}"`)
      .join(', ')
    if (ORIGINS.includes(label) && groups.every(sameGrowth))
      return `series that differ only in ${label} (${shown}) count the same requests: leave all but one out, with a matcher such as ${label}="..."`
    if (values.some((value) => SUMS.test(value)) && groups.every((group) => holdsItsSum(group, label)))
      return `one value of ${label} (${shown}) is the sum of the others: leave it out with a matcher such as ${label}!="..."`
  }
  return undefined
}

const sameGrowth = (group: readonly Growth[]): boolean =>
  group.length > 1 && group.every(({ growth }) => alike(growth, group[0]?.growth ?? 0))

function holdsItsSum(group: readonly Growth[], label: string): boolean {
  const [sums, parts] = [
    group.filter((one) => SUMS.test(one.labels[label] ?? '')),
    group.filter((one) => !SUMS.test(one.labels[label] ?? '')),
  ]
  return sums.length > 0 && parts.length > 0 && alike(sumOf(sums), sumOf(parts))
}

const sumOf = (grown: readonly Growth[]): number => grown.reduce((sum, { growth }) => sum + growth, 0)

const without = (labels: Labels, label: string): string =>
  JSON.stringify(
    Object.entries(labels)
      .filter(([name]) => name !== label)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )
