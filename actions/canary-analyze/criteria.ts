// Criteria on one value, as Keptn writes them: `<=500`, or relative to the last good releases: `<=+10%`, `>-5`.

export type Operator = '<' | '<=' | '=' | '>=' | '>'
export type Aggregate = 'avg' | 'p50' | 'p90' | 'p95'

export interface Criterion {
  operator: Operator
  value: number
  percentage: boolean
  /** Compared with the releases before; a percentage always is. */
  relative: boolean
  /** Whether the value is allowed above what was before, or below it. */
  increase: boolean
}

const pattern = /^(<=|>=|<|>|=)([+-]?)(\d+(?:\.\d+)?|\.\d+)(%?)$/

/** Reads a criterion; undefined when it is none. Spaces do not matter. */
export function parseCriterion(text: string): Criterion | undefined {
  const [, operator, sign, value, percent] = pattern.exec(text.replace(/\s+/g, '')) ?? []
  if (operator === undefined) return undefined
  const percentage = percent === '%'
  return {
    operator: operator as Operator,
    value: Number(value),
    percentage,
    relative: percentage || sign !== '',
    increase: sign === '+' || (percentage && sign !== '-'),
  }
}

const compare: Record<Operator, (a: number, b: number) => boolean> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '=': (a, b) => a === b,
  '>=': (a, b) => a >= b,
  '>': (a, b) => a > b,
}

/** Whether a value meets the criterion, given those of the last good releases. Without any of them a relative criterion is met. */
export function meets(value: number, criterion: Criterion, previous: readonly number[], aggregate: Aggregate): boolean {
  const target = targetOf(criterion, previous, aggregate)
  return target === undefined || compare[criterion.operator](value, target)
}

/** What the value is compared with; undefined when there is nothing to compare with. */
export function targetOf(criterion: Criterion, previous: readonly number[], aggregate: Aggregate): number | undefined {
  if (!criterion.relative) return criterion.value
  if (previous.length === 0) return undefined
  const before = aggregate === 'avg' ? previous.reduce((sum, one) => sum + one, 0) / previous.length : percentile(previous, aggregate)
  const signed = criterion.increase ? criterion.value : -criterion.value
  return criterion.percentage ? (before * (100 + signed)) / 100 : before + signed
}

/** Definition R-6 of Hyndman and Fan, which Keptn uses: at p (n + 1), linear between the neighbours. */
function percentile(values: readonly number[], aggregate: Exclude<Aggregate, 'avg'>): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = { p50: 0.5, p90: 0.9, p95: 0.95 }[aggregate] * (sorted.length + 1)
  const low = sorted[Math.max(0, Math.floor(at) - 1)] ?? NaN
  if (at < 1) return sorted[0] ?? NaN
  if (at >= sorted.length) return sorted.at(-1) ?? NaN
  return low + (at - Math.floor(at)) * ((sorted[Math.floor(at)] ?? NaN) - low)
}
