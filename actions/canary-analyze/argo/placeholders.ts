// `{{args.name}}` in a template's texts, and every other placeholder, which nobody fills.
import { isRecord } from '../../shared/text/records.ts'

interface Piece {
  /** What stands before the placeholder. */
  before: string
  /** Between the brackets; undefined at the end of the text. */
  tag: string | undefined
}

function pieces(text: string): Piece[] {
  const found: Piece[] = []
  let at = 0
  for (let open = text.indexOf('{{', at); open >= 0; open = text.indexOf('{{', at)) {
    const close = text.indexOf('}}', open + 2)
    if (close < 0) throw new Error(`'${text.slice(open, open + 60)}' begins a placeholder and does not end it`)
    found.push({ before: text.slice(at, open), tag: text.slice(open + 2, close) })
    at = close + 2
  }
  return [...found, { before: text.slice(at), tag: undefined }]
}

/** Fills a text. `value` throws for an argument that has none. What it gives is not looked through again. */
export function filled(text: string, value: (name: string) => string): string {
  return pieces(text)
    .map(({ before, tag }) => {
      if (tag === undefined) return before
      const name = tag.trim()
      return before + (name.startsWith('args.') ? value(name.slice('args.'.length)) : refusePlaceholder(tag))
    })
    .join('')
}

const refusePlaceholder = (tag: string): never => {
  throw new Error(`nobody fills {{${tag.slice(0, 60)}}}: only {{args.NAME}} is filled, in metrics, from spec.args`)
}

/** Refuses placeholders wherever none is filled: in keys and texts of a part of the document. `where` is its path. */
export function refusePlaceholders(part: unknown, where: string): void {
  if (typeof part === 'string') {
    if (!part.includes('{{')) return
    const tag = pieces(part).find((piece) => piece.tag !== undefined)?.tag ?? ''
    throw new Error(`${where}: nobody fills {{${tag.slice(0, 60)}}} here; {{args.NAME}} is filled in spec.metrics only`)
  }
  if (Array.isArray(part)) for (const [i, inner] of part.entries()) refusePlaceholders(inner, `${where}[${i}]`)
  if (isRecord(part))
    for (const [key, inner] of Object.entries(part)) {
      refusePlaceholders(key, where)
      refusePlaceholders(inner, where ? `${where}.${key}` : key)
    }
}
