import { z } from 'zod'
import type { Labels } from '../../shared/kubernetes/objects/read.ts'

const selectorShape = z.looseObject({
  matchLabels: z.record(z.string(), z.string()).nullish(),
  matchExpressions: z.array(z.looseObject({ key: z.string(), operator: z.string(), values: z.array(z.string()).nullish() })).nullish(),
})

/**
 * Whether a selector of the manifests means pods with these labels; an empty one means none here. One that is none of Kubernetes means none
 * either: what is wrong with it is for the API server to say.
 */
export function matchesLabels(selector: unknown, labels: Labels): boolean {
  const read = selectorShape.safeParse(selector).data
  const [matchLabels, expressions] = [read?.matchLabels ?? {}, read?.matchExpressions ?? []]
  if (Object.keys(matchLabels).length + expressions.length === 0) return false
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    expressions.every(({ key, operator, values }) => {
      const value = labels[key]
      if (operator === 'In') return value !== undefined && (values ?? []).includes(value)
      if (operator === 'NotIn') return value === undefined || !(values ?? []).includes(value)
      return (operator === 'Exists') === (value !== undefined)
    })
  )
}
