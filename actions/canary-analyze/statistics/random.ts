// Reproducible random numbers.

const { imul, exp } = Math

/** Sebastiano Vigna's splitmix construction on 32 bits (mulberry32): uniform in (0, 1). */
export function uniform(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = imul(state ^ (state >>> 15), state | 1)
    t ^= t + imul(t ^ (t >>> 7), t | 61)
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 2 ** 32
  }
}

/** A Poisson count: by inversion where few are expected, else by transformed rejection (Hoermann 1993). */
export function poisson(random: () => number, mean: number): number {
  if (mean <= 0) return 0
  return mean < 12 ? small(random, mean) : large(random, mean)
}

function small(random: () => number, mean: number): number {
  let [count, left] = [0, random()]
  let p = exp(-mean)
  while (left > p && count < 1000) {
    left -= p
    count++
    p *= mean / count
  }
  return count
}

function large(random: () => number, mean: number): number {
  const b = 0.931 + 2.53 * Math.sqrt(mean)
  const a = -0.059 + 0.02483 * b
  const inverseAlpha = 1.1239 + 1.1328 / (b - 3.4)
  const vr = 0.9277 - 3.6224 / (b - 2)
  for (;;) {
    const u = random() - 0.5
    const v = random()
    const us = 0.5 - Math.abs(u)
    const k = Math.floor(((2 * a) / us + b) * u + mean + 0.43)
    if (us >= 0.07 && v <= vr) return k
    if (k < 0 || (us < 0.013 && v > us)) continue
    const log = Math.log(v) + Math.log(inverseAlpha) - Math.log(a / (us * us) + b)
    if (log <= k * Math.log(mean) - mean - logFactorial(k)) return k
  }
}

/** By Stirling's series, exact to ten digits from 10 on; only called for large counts. */
function logFactorial(n: number): number {
  if (n < 10) return Math.log([1, 1, 2, 6, 24, 120, 720, 5040, 40_320, 362_880][n] ?? 1)
  return n * Math.log(n) - n + Math.log(2 * Math.PI * n) / 2 + 1 / (12 * n) - 1 / (360 * n ** 3)
}
