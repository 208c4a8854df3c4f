// Special functions, from Stephen Moshier's Cephes library (compiled to WebAssembly). The tests hold them against 30-digit values.
import { compiled, incbet, lbeta, ndtr, ndtri } from 'cephes'

await compiled

/** The logarithm of the beta function B(a, b). */
export const logBeta = (a: number, b: number): number => lbeta(a, b)

/** The probability below x of a Beta(a, b) variable: the regularised incomplete beta function, exact also where it is tiny. */
export const betaCdf = (x: number, a: number, b: number): number => incbet(a, b, x)

/** The probability above x of a Beta(a, b) variable, without the cancellation of 1 - betaCdf. */
export const betaTail = (x: number, a: number, b: number): number => incbet(b, a, 1 - x)

/** The probability below z of a standard normal variable. */
export const normalCdf = (z: number): number => ndtr(z)

/** The z below which a standard normal variable lies with probability p. */
export const normalQuantile = (p: number): number => ndtri(p)
