// Samples as Kayenta sees them: descriptive statistics, percentiles, outliers, effect sizes.

export interface Summary {
  min: number
  max: number
  mean: number
  /** With n - 1; 0 for fewer than two values. */
  std: number
  count: number
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** The arithmetic mean; NaN without values. */
export const mean = (values: readonly number[]): number => sum(values) / values.length

/** Of nothing: zeros. */
export function summarize(values: readonly number[]): Summary {
  const count = values.length
  if (count === 0) return { min: 0, max: 0, mean: 0, std: 0, count }
  const average = mean(values)
  const std = count < 2 ? 0 : Math.sqrt(sum(values.map((value) => (value - average) ** 2)) / (count - 1))
  const [min, max] = extremes(values)
  return { min, max, mean: average, std, count }
}

/** The smallest and the largest value, of any number of them. */
export const extremes = (values: readonly number[]): [number, number] =>
  values.reduce<[number, number]>(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity])

/** The p-th percentile (0 to 100) of at least one value, linear between the neighbours: definition R-7 of Hyndman and Fan. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = ((sorted.length - 1) * p) / 100
  const low = sorted[Math.floor(at)] ?? NaN
  const high = sorted[Math.ceil(at)] ?? NaN
  return low + (high - low) * (at - Math.floor(at))
}

/** Which values lie beyond `factor` interquartile ranges from the quartiles. `gentle` keeps everything between the 1st and 99th percentile too. */
export function beyondQuartiles(values: readonly number[], factor: number, gentle = false): boolean[] {
  const [q1, q3] = [percentile(values, 25), percentile(values, 75)]
  const [low, high] = [q1 - factor * (q3 - q1), q3 + factor * (q3 - q1)]
  const [from, to] = gentle ? [Math.min(percentile(values, 1), low), Math.max(percentile(values, 99), high)] : [low, high]
  return values.map((value) => value > to || value < from)
}

/** Missing points: left out, or a value in their place. */
export const removeNaN = (values: readonly number[]): number[] => values.filter((value) => !Number.isNaN(value))
export const replaceNaN = (values: readonly number[], by = 0): number[] => values.map((value) => (Number.isNaN(value) ? by : value))

/** Ranks from 1 on; equal values share the average of theirs. */
export function ranks(values: readonly number[]): number[] {
  const order = values.map((value, index) => ({ value, index })).toSorted((a, b) => a.value - b.value)
  const found = new Array<number>(values.length).fill(0)
  for (let from = 0; from < order.length; ) {
    let to = from + 1
    while (to < order.length && order[to]?.value === order[from]?.value) to++
    for (let i = from; i < to; i++) found[order[i]?.index ?? 0] = (from + 1 + to) / 2
    from = to
  }
  return found
}

/** Mean of the experiment over mean of the control; NaN when either is 0, as in Kayenta. */
export function meanRatio(experiment: readonly number[], control: readonly number[]): number {
  const [e, c] = [mean(experiment), mean(control)]
  return e === 0 || c === 0 ? NaN : e / c
}

/** The share of pairs in which the experiment is the higher one (Vargha and Delaney 2000), by ranks. */
export function commonLanguageEffect(experiment: readonly number[], control: readonly number[]): number {
  const [m, n] = [experiment.length, control.length]
  const rankSum = sum(ranks([...experiment, ...control]).slice(0, m))
  return (2 * rankSum - m * (m + 1)) / (2 * m * n)
}
