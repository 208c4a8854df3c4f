// One configuration as people have it, and what has to come of it.

export interface Case {
  name: string
  /** The text of the config. */
  file: string
  inputs?: Record<string, string>
  /**
   * The values of the vector that the server answers to a query, at so many seconds after the case began (before it they are negative);
   * undefined: it is empty. What it throws the server answers as an error. A `scalar(...)` is answered as a scalar, `...[5m]` as a matrix.
   */
  answer?: (query: string, atSeconds: number) => number | number[] | undefined
  wants: 'passed' | 'failed' | 'inconclusive' | 'error'
  /** What has to stand in the headline, the reason or the log. */
  says?: RegExp
  /** Whether the server may have been asked; a file that is refused asks nothing. */
  asks?: 'nothing' | 'something'
}
