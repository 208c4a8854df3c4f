/** Longer words are no slips of the pen. */
const MOST = 64

/** The one of some known words that a word is most likely meant to be; undefined when none is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word === '' || word.length > MOST) return undefined
  const plain = (text: string): string => text.toLowerCase().replace(/[-_ ]/g, '')
  const found = known
    .filter((one) => one.length <= MOST)
    .map((one) => ({ one, away: distance(plain(word), plain(one)) }))
    .filter(({ one, away }) => away <= Math.max(1, Math.floor(Math.min(one.length, word.length) / 3)))
  return found.toSorted((a, b) => a.away - b.away)[0]?.one
}

/** How many letters have to be changed, added, left out or swapped with the next one. */
function distance(a: string, b: string): number {
  let [before, row]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, i) => i)]
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (before[j - 2] ?? 0) + 1 : Infinity
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, changed, swapped))
    }
    ;[before, row] = [row, next]
  }
  return row[b.length] ?? 0
}

/** `; did you mean preset?`, or nothing. */
export const meantBy = (word: string, known: readonly string[]): string => {
  const found = nearest(word, known)
  return found === undefined ? '' : `; did you mean ${found}?`
}
