// The writes of a run by name, the same in every run, and the processes behind it.
import { readdirSync, readFileSync } from 'node:fs'
import type { Ledger } from '../../../actions/bluegreen-deploy/ledger/schema.ts'
import type { DataObject, LeaseObject } from '../../../actions/shared/kubernetes/objects/read.ts'
import type { Call, Fault, Verdict } from './proxy.ts'

/** A write of a run: what it is, and how many such were before it. */
export type WriteName = string

/** Names the writes of one run as they come. `serving` is the color that serves when it begins: colors change from run to run. */
export function nameWrites(serving: string | undefined): (call: Call) => WriteName | undefined {
  const seen = new Map<string, number>()
  return (call) => {
    if (!call.write || isRenewal(call)) return undefined
    const name = plainName(call, serving)
    const count = (seen.get(name) ?? 0) + 1
    seen.set(name, count)
    return count === 1 ? name : `${name} #${count}`
  }
}

/** The lease's renewals come when they like. */
export function isRenewal({ method, path, body }: Call): boolean {
  if (method !== 'PUT' || !path.includes('/leases/')) return false
  const { spec } = JSON.parse(body) as LeaseObject
  return spec?.holderIdentity !== '' && spec?.acquireTime !== spec?.renewTime
}

const VERBS: Record<string, string> = { POST: 'create', PUT: 'replace', PATCH: 'apply', DELETE: 'delete' }

function plainName({ method, path, body }: Call, serving: string | undefined): string {
  const [kind = '', name = ''] = (path.split('/namespaces/')[1] ?? path).split('/').slice(1)
  const object = body.startsWith('{') ? (JSON.parse(body) as Partial<DataObject & LeaseObject>) : undefined
  const text = object?.data?.['state.json']
  if (kind === 'configmaps' && typeof text === 'string') {
    const { operation } = JSON.parse(text) as Ledger
    return `ledger ${operation?.phase ?? 'at rest'}`
  }
  if (kind === 'leases') return object?.spec?.holderIdentity ? 'take lease' : 'release lease'
  if (kind === 'pods') return 'delete pod'
  if (kind === 'secrets') return `${VERBS[method]} revision`
  const color = name.replace(/-(blue|green)$/, (_, found: string) => (found === serving ? '-serving' : '-other'))
  return `${VERBS[method]} ${kind}/${color || object?.metadata?.name}`
}

/** Does `act` at the first write of that name, and nothing to any other call; `told` hears of every write. */
export function atWrite(
  serving: string | undefined,
  name: WriteName,
  act: Fault,
  told: (name: WriteName, call: Call) => Promise<void> | void = () => undefined,
): Fault {
  const nameOf = nameWrites(serving)
  return async (call, forward): Promise<Verdict> => {
    const found = nameOf(call)
    if (found === undefined) return 'pass'
    await told(found, call)
    return found === name ? act(call, forward) : 'pass'
  }
}

/** The process groups that carry `variable=value` in their environment, apart from this process's own. */
export function groupsWith(variable: string, value: string): number[] {
  const groups = new Set<number>()
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (Number(pid) === process.pid || !readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`${variable}=${value}`))
        continue
      // pid (name) state ppid pgrp: the name may hold anything
      const [, , group] = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')
      groups.add(Number(group))
    } catch {
      // It ended just now, or is not ours to read.
    }
  }
  return [...groups]
}
