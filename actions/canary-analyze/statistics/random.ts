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

/** Exact below 10, by Stirling's series to ten digits from there on. */
function logFactorial(n: number): number {
  if (n < 10) return Math.log([1, 1, 2, 6, 24, 120, 720, 5040, 40_320, 362_880][n] ?? 1)
  return n * Math.log(n) - n + Math.log(2 * Math.PI * n) / 2 + 1 / (12 * n) - 1 / (360 * n ** 3)
}

/** How many of `n` fall to a share `p`: by inversion where few are expected, else by transformed rejection (Hoermann 1993, algorithm BTRS). */
export function binomial(random: () => number, n: number, p: number): number {
  if (n <= 0 || p <= 0) return 0
  if (p >= 1) return n
  if (p > 0.5) return n - binomial(random, n, 1 - p)
  return n * p < 10 ? fewOf(random, n, p) : manyOf(random, n, p)
}

function fewOf(random: () => number, n: number, p: number): number {
  const odds = p / (1 - p)
  let chance = exp(n * Math.log1p(-p))
  let [count, left] = [0, random() - chance]
  while (left > 0 && count < n) {
    count++
    chance *= (odds * (n - count + 1)) / count
    left -= chance
  }
  return count
}

function manyOf(random: () => number, n: number, p: number): number {
  const deviation = Math.sqrt(n * p * (1 - p))
  const b = 1.15 + 2.53 * deviation
  const a = -0.0873 + 0.0248 * b + 0.01 * p
  const alpha = (2.83 + 5.1 / b) * deviation
  const mode = Math.floor((n + 1) * p)
  const odds = p / (1 - p)
  for (;;) {
    const u = random() - 0.5
    const v = random()
    const us = 0.5 - Math.abs(u)
    const k = Math.floor(((2 * a) / us + b) * u + n * p + 0.5)
    if (k < 0 || k > n) continue
    if (us >= 0.07 && v <= 0.92 - 4.2 / b) return k
    const accepted = (k - mode) * Math.log(odds) + logFactorial(mode) + logFactorial(n - mode) - logFactorial(k) - logFactorial(n - k)
    if (Math.log((v * alpha) / (a / (us * us) + b)) <= accepted) return k
  }
}
