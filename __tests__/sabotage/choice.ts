/** What a short run takes: of a third of the proofs one patch each, so that three days see all proofs, and every patch has its turn. */
export function ofTheDay<T extends { proof: string }>(patches: readonly T[], day: number): T[] {
  if (!Number.isInteger(day) || day < 0) throw new Error('--day takes a whole number from 0 on')
  const proofs = [...new Set(patches.map(({ proof }) => proof))].sort()
  return proofs
    .filter((_, at) => at % THIRD === day % THIRD)
    .flatMap((proof) => {
      const own = patches.filter((patch) => patch.proof === proof)
      return own[Math.floor(day / THIRD) % own.length] ?? []
    })
}

const THIRD = 3
