// A condition as a tree.

export type Node =
  | { type: 'literal'; value: bigint | number | string | boolean | null }
  | { type: 'name'; name: string }
  /** `#` and `.member` inside of a predicate; `#acc` and `#index` by their names. */
  | { type: 'item'; name: string }
  | { type: 'list'; items: Node[] }
  | { type: 'map'; entries: { key: Node; value: Node }[] }
  | { type: 'unary'; operator: string; operand: Node }
  /** `exact` is set by the check where both sides have to be of this type when they are compared. */
  | { type: 'binary'; operator: string; left: Node; right: Node; exact?: 'int' | 'string' }
  | { type: 'choice'; test: Node; yes: Node; no: Node }
  | { type: 'member'; of: Node; key: Node; optional: boolean }
  /** Where `?.` found nothing, all up to here is nothing. */
  | { type: 'chain'; of: Node }
  | { type: 'slice'; of: Node; from: Node | undefined; to: Node | undefined }
  | { type: 'call'; name: string; args: Node[] }
  | { type: 'let'; name: string; value: Node; body: Node }
  | { type: 'sequence'; nodes: Node[] }

/** The functions whose second argument is asked for each item, and whether it may be left out. */
export const predicates: Readonly<Record<string, { optional?: true; more?: true }>> = {
  all: {},
  none: {},
  any: {},
  one: {},
  filter: {},
  map: {},
  count: { optional: true },
  sum: { optional: true },
  find: {},
  findIndex: {},
  findLast: {},
  findLastIndex: {},
  sortBy: { more: true },
  reduce: { more: true },
}
