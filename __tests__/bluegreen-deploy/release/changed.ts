import type { KubeObject } from '../../../actions/shared/kubernetes/api/cluster.ts'
import { setAt } from '../../support/fields.ts'
import { app } from '../stage.ts'

/** The application with fields set: `{'Deployment spec replicas': 0}`. */
export function changed(fields: Record<string, unknown>, objects: KubeObject[] = app('v1')): KubeObject[] {
  for (const [way, value] of Object.entries(fields)) {
    const [kind, ...path] = way.split(' ')
    const found = objects.find((candidate) => candidate.kind === kind)
    if (!found) throw new Error(`the application has no ${kind}`)
    setAt(found, JSON.stringify(path), value)
  }
  return objects
}
