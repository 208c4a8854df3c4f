// The curves of a watch, for the report: the rates of both sides, and the evidence of each metric.
import type { Chart } from '../../shared/report/report.ts'
import type { MetricJudge } from '../judges/judge.ts'
import type { Analysis } from '../result.ts'

/** A report is read by people: so many curves, and so many points of each. */
const MOST_CURVES = 12
const MOST_POINTS = 240

/** [seconds since the beginning, value] */
type Points = [number, number][]

interface Curve {
  evidence: Points
  candidate: Points
  baseline: Points
}

/** Evenly chosen points, with the last one. */
function thinned(points: Points): Points {
  const step = Math.ceil(points.length / MOST_POINTS)
  return points.filter((_, i) => (points.length - 1 - i) % step === 0)
}

/** Adds a point. A long curve loses every second one of what it has, again and again, so that it stays small. */
function push(points: Points, point: [number, number]): void {
  points.push(point)
  if (points.length >= 4 * MOST_POINTS) points.splice(0, points.length, ...points.filter((_, i) => i % 2 === 1))
}

export class Curves {
  readonly #curves = new Map<string, Curve>()

  /** Where a metric stands after so many seconds. */
  note({ name, height, rates }: Pick<MetricJudge, 'name' | 'height' | 'rates'>, seconds: number): void {
    const curve = this.#curves.get(name) ?? { evidence: [], candidate: [], baseline: [] }
    this.#curves.set(name, curve)
    if (height !== undefined) push(curve.evidence, [seconds, height])
    if (rates) push(curve.candidate, [seconds, rates.candidate])
    if (rates?.baseline !== undefined) push(curve.baseline, [seconds, rates.baseline])
  }

  /** One chart of the evidence, and one of the rates for each metric. */
  charts(): Pick<Analysis, 'chart' | 'charts'> {
    const x = 'seconds'
    const all = [...this.#curves].map(([name, curve]) => ({ name, ...curve }))
    // With more metrics than can be told apart, those with the most evidence.
    const evidence = all
      .filter((one) => one.evidence.length > 0)
      .toSorted((a, b) => (b.evidence.at(-1)?.[1] ?? 0) - (a.evidence.at(-1)?.[1] ?? 0))
      .slice(0, MOST_CURVES)
    const chart: Chart = {
      title: 'Evidence of harm: at 1 the candidate fails',
      x,
      y: 'evidence, in shares of what a failure takes',
      series: evidence.map(({ name, evidence: points }) => ({ name, points: thinned(points) })),
      limit: 1,
    }
    const charts = all
      .filter(({ candidate }) => candidate.length > 0)
      .slice(0, MOST_CURVES)
      .map(({ name, candidate, baseline }) => ({
        title: `${name}: candidate ${shown(candidate)}, baseline ${shown(baseline)}`,
        x,
        y: 'share of requests so far, or value',
        series: [
          { name: 'candidate', points: thinned(candidate) },
          { name: 'baseline', points: thinned(baseline) },
        ],
      }))
    return { chart: evidence.length ? chart : undefined, charts }
  }
}

const shown = (points: Points): string => {
  const last = points.at(-1)?.[1]
  return last === undefined ? '-' : String(Number(last.toPrecision(3)))
}
