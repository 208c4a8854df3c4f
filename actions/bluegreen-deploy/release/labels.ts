import type { LabelSelector, Labels } from '../../shared/kubernetes/objects/read.ts'

/** Whether a selector means pods with these labels; an empty one means none here. */
export function matchesLabels(selector: LabelSelector, labels: Labels): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector
  if (Object.keys(matchLabels).length + matchExpressions.length === 0) return false
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key]
      if (operator === 'In') return value !== undefined && values.includes(value)
      if (operator === 'NotIn') return value === undefined || !values.includes(value)
      return (operator === 'Exists') === (value !== undefined)
    })
  )
}
