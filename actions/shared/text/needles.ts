// Many texts looked for in one pass. The time is linear in the text that is searched, however many needles there are and however much they
// have in common: at each place one walk down a tree whose steps are 16 characters, each a look into a few tables.

const STEP = 16
/** A longer needle is known by its pieces. */
const LONGEST = 1024
/** The shortest needle. */
export const SHORTEST = 4

/** What belongs to a needle besides its text: characters around it that hold a part of it. */
export interface Edges {
  before: number
  after: number
}

interface Node {
  /** What is left of needles that end within the next step, by its length. */
  ends: Map<number, Map<string, Edges>>
  deeper: Map<string, Node | Tail>
}

/** All that is left of the only needle that goes on here. */
interface Tail {
  rest: string
  edges: Edges
}

const NO_EDGES: Edges = { before: 0, after: 0 }
const newNode = (): Node => ({ ends: new Map(), deeper: new Map() })

/** Which rows of `width` characters needles begin with, as far as a hash can tell: it may say yes for others. */
class Beginnings {
  readonly width: number
  readonly #seen = new Uint8Array(2 ** 20)
  readonly #last: number

  constructor(width: number) {
    this.width = width
    let last = 1
    for (let i = 0; i < width; i++) last = Math.imul(last, FACTOR)
    this.#last = last
  }

  add(needle: string): void {
    let hash = 0
    for (let i = 0; i < this.width; i++) hash = (Math.imul(hash, FACTOR) + needle.charCodeAt(i)) | 0
    this.#seen[hash >>> 12] = 1
  }

  /** Calls `at` with every place of the text where a needle may begin. */
  scan(text: string, at: (place: number) => void): void {
    const { width } = this
    let hash = 0
    for (let i = 0; i < text.length; i++) {
      hash = (Math.imul(hash, FACTOR) + text.charCodeAt(i)) | 0
      if (i >= width) hash = (hash - Math.imul(this.#last, text.charCodeAt(i - width))) | 0
      if (i >= width - 1 && this.#seen[hash >>> 12]) at(i - width + 1)
    }
  }
}
const FACTOR = 0x01000193

/** Puts what is left of a needle into a node where nothing else begins with its next step. */
function place(node: Node, { rest, edges }: Tail): void {
  if (rest.length >= STEP) node.deeper.set(rest.slice(0, STEP), { rest: rest.slice(STEP), edges })
  else {
    const ends = node.ends.get(rest.length) ?? new Map<string, Edges>()
    node.ends.set(rest.length, ends)
    if (!ends.has(rest)) ends.set(rest, edges)
  }
}

export class Needles {
  readonly #root = newNode()
  readonly #short = new Beginnings(SHORTEST)
  readonly #long = new Beginnings(2 * SHORTEST)

  /** A needle of at least SHORTEST characters. */
  add(text: string, edges: Edges = NO_EDGES): void {
    if (text.length <= LONGEST) this.#addPiece(text, edges)
    for (let at = 0; text.length > LONGEST && at < text.length; at += LONGEST)
      this.#addPiece(text.slice(Math.min(at, text.length - LONGEST)).slice(0, LONGEST), edges)
  }

  #addPiece(text: string, edges: Edges): void {
    const beginnings = text.length < this.#long.width ? this.#short : this.#long
    beginnings.add(text)
    let node = this.#root
    let rest = text
    while (rest.length >= STEP) {
      const step = rest.slice(0, STEP)
      rest = rest.slice(STEP)
      const known = node.deeper.get(step)
      if (!known) {
        node.deeper.set(step, { rest, edges })
        return
      }
      if ('deeper' in known) node = known
      else {
        if (known.rest === rest) return
        const next = newNode()
        place(next, known)
        node.deeper.set(step, next)
        node = next
      }
    }
    place(node, { rest, edges })
  }

  /** Where needles stand in a text, each place with the longest of them. Places may overlap, and come in no order. */
  find(text: string, found: (from: number, to: number) => void): void {
    const look = (place: number): void => {
      let end = -1
      let edges = NO_EDGES
      let at = place
      for (let node: Node | undefined = this.#root; node; at += STEP) {
        for (const [length, ends] of node.ends) {
          const hit = at + length > end ? ends.get(text.slice(at, at + length)) : undefined
          if (hit) [end, edges] = [at + length, hit]
        }
        const next = node.deeper.get(text.slice(at, at + STEP))
        if (next && 'rest' in next) {
          if (text.startsWith(next.rest, at + STEP)) [end, edges] = [at + STEP + next.rest.length, next.edges]
          break
        }
        node = next
      }
      if (end >= 0) found(Math.max(0, place - edges.before), Math.min(text.length, end + edges.after))
    }
    this.#short.scan(text, look)
    this.#long.scan(text, look)
  }
}
