// The package's own types are not reachable through its `exports`.
declare module 'cephes' {
  export const compiled: Promise<void>
  export function incbet(a: number, b: number, x: number): number
  export function lbeta(a: number, b: number): number
  export function ndtr(z: number): number
  export function ndtri(p: number): number
}
