// One configuration as people have it, and what has to come of it.

export interface Case {
  name: string
  /** The text of the config. */
  file: string
  inputs?: Record<string, string>
  /** The values of the vector that the server answers; undefined: it is empty. */
  answer?: (query: string, atSeconds: number) => number | number[] | undefined
  wants: 'passed' | 'failed' | 'inconclusive' | 'error'
  /** What has to stand in the headline, the reason or the log. */
  says?: RegExp
  /** Whether the server may have been asked; a file that is refused asks nothing. */
  asks?: 'nothing' | 'something'
}
