// The API server's own validation and admission of every object, without storing any.
import { ApiError, type KubeObject, nameOf } from '../../../shared/kubernetes/api/cluster.ts'
import { inParallel } from '../../../shared/limit.ts'
import type { Reach } from '../../ports.ts'
import { type Revision, sharedOf } from '../../release/model.ts'
import { COLOR, RELEASE } from '../../release/names.ts'
import { fieldConflict } from '../writer.ts'
import { PreflightError } from './error.ts'

interface Tried {
  object: KubeObject
  /** The name under which it is tried. */
  name: string
  /** The name that the user knows it by. */
  plain: string
  own: boolean
}

/** Throws a PreflightError with every object that the API server refuses, and an ApiError when it cannot tell. */
export async function dryRunAll({ cluster }: Reach, revision: Revision): Promise<void> {
  const problems = await inParallel(toTry(revision), async (tried): Promise<string[]> => {
    const { object, name, own } = tried
    try {
      const { metadata } = await cluster.apply({ ...object, metadata: { ...object.metadata, name } }, { dryRun: true })
      const owner = metadata.labels?.[RELEASE]
      return owner && !own ? [`${nameOf(object)}: is there and belongs to release ${owner}; rename it`] : []
    } catch (error) {
      return [refusal(error, tried)].flatMap((text) => text ?? [])
    }
  })
  const all = problems.flat().sort()
  if (all.length)
    throw new PreflightError(
      `manifests: the API server refuses ${all.length === 1 ? 'an object' : `${all.length} objects`}:\n${all.slice(0, 20).join('\n')}`,
    )
}

/** The candidate's objects are made anew, whatever lies in their place now: tried under names that nothing has, told under the user's. */
function toTry({ color, config, workloads, gateways, release }: Revision): Tried[] {
  const suffix = `-${color}`
  const own = [...config, ...workloads.map(({ object }) => object), ...gateways.map(({ preview }) => preview)].map((object): Tried => {
    const { name, labels } = object.metadata
    const plain = labels?.[COLOR] === color && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name
    return { object, name: `${name}-x`, plain, own: true }
  })
  const services = gateways.map(
    ({ service }): Tried => ({ object: service, name: service.metadata.name, plain: service.metadata.name, own: true }),
  )
  const others = sharedOf(release).map((object): Tried => ({ object, name: object.metadata.name, plain: object.metadata.name, own: false }))
  return [...own, ...services, ...others]
}

/** What the API server says against an object; throws when that is no verdict on it. */
function refusal(error: unknown, { object, name, plain }: Tried): string | undefined {
  if (!(error instanceof ApiError)) throw error
  if (!isVerdict(error.status)) throw new Error(error.message.replaceAll(name, plain), { cause: error })
  const conflict = fieldConflict(error, object)
  if (conflict === 'ours') return undefined
  if (conflict) return conflict.message
  const said = object.kind === 'Secret' ? withoutValues(error.said) : error.said
  return `${nameOf({ ...object, name: plain })}: ${explained(object, said.replaceAll(name, plain))}`
}

/** Whether a status speaks of the object; others speak of who asks, of how busy the API server is, or of the way to it. */
const isVerdict = (status: number): boolean => status >= 400 && status < 500 && ![401, 408, 410, 429].includes(status)

/** The API server quotes what it refuses: of a Secret that may be a password. */
const withoutValues = (said: string): string => said.replace(/"[^"]*"|&?\{[^}]*\}/g, '…')

const MOST = 600
const IMMUTABLE = ': field is immutable'

/** What to do about a refusal; values of pages are cut, the field and the reason stay. */
function explained({ kind }: KubeObject, said: string): string {
  const at = said.indexOf('Invalid value: ')
  const end = said.indexOf(IMMUTABLE)
  const short = at >= 0 && end > at && said.length > MOST ? `${said.slice(0, at)}…${said.slice(end + 2)}` : said
  const text = short.length > MOST ? `${short.slice(0, MOST / 2)} … ${short.slice(-MOST / 2)}` : short
  if (kind !== 'Job' || end < 0) return text
  return `${text}. A Job cannot be changed: give it a name per version, or set ttlSecondsAfterFinished and wait until it is gone`
}
