import type { Config } from '../config.ts'
import type { LedgerStore } from '../ledger/store.ts'
import type { Ports } from '../ports.ts'
import type { Writer } from '../writes/writer.ts'

/** What a run under the lease works with: built once, and passed as it is. */
export interface Context extends Ports {
  config: Config
  ledger: LedgerStore
  writer: Writer
}
