import { type Answer, AnswerError } from '../shared/prometheus/answer.ts'

/** The one value of a query that has to give one. Throws an AnswerError for none, for NaN, and for more. */
export function singleValue({ type, series }: Answer): number {
  if (type === 'matrix') throw new AnswerError('query returned multiple values: an instant query of one series is wanted, without a range')
  if (series.length > 1)
    throw new AnswerError(`query returned multiple values: ${series.length} series, where one is wanted; aggregate them`)
  const value = series[0]?.points[0]?.[1]
  if (value === undefined || Number.isNaN(value)) throw new AnswerError('no values found')
  return value
}
