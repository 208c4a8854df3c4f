// One attempt at a byte stream: connect, then send and expect in turns.
import type { Duplex } from 'node:stream'
import { excerptLines } from '../../shared/report/text.ts'
import { dial, read, secure } from '../dial.ts'
import { Fault, faultOf } from '../fault.ts'
import { mismatches } from '../matcher.ts'
import type { CheckOf } from '../suite.ts'
import { readAddress } from '../targets.ts'
import type { Context, Outcome } from './check.ts'

/** What may be received for one expectation, in bytes. */
const LIMIT = 256 * 1024

export async function checkTcp({ tcp }: CheckOf<'tcp'>, context: Context): Promise<Outcome> {
  const { way, url } = readAddress(tcp.address, context.target)
  const { attempt, connection } = context
  const raw = await dial(way, connection, context.network, attempt)
  const stream = tcp.tls ? await secure(raw, { host: url.hostname, ...connection }, attempt) : raw
  try {
    attempt.trace.enter('answer')
    for (const { send, expect } of tcp.dialogue) {
      if (send !== undefined) stream.write(send)
      if (expect) await expectBytes(stream, expect, context)
    }
    return { said: tcp.dialogue.length ? `${tcp.dialogue.length} turns as expected` : 'connected' }
  } finally {
    stream.destroy()
  }
}

async function expectBytes(
  stream: Duplex,
  matcher: NonNullable<CheckOf<'tcp'>['tcp']['dialogue'][number]['expect']>,
  { attempt }: Context,
): Promise<void> {
  let received = Buffer.alloc(0)
  const shown = (): string => (received.length ? excerptLines(received.toString('utf8'), 4096) : '(nothing was received)')
  for (;;) {
    const chunk = await read(stream, attempt.signal).catch((error: unknown) => {
      const late = attempt.signal.aborted
      const fault = late ? new Fault('slow', 'answer', 'what was expected did not come in time') : faultOf(error, 'answer')
      throw new Fault(fault.word, 'answer', fault.message, { shown: shown(), cause: error })
    })
    if (!chunk) {
      const wrong = mismatches(matcher, received.toString('utf8'))
      throw new Fault('closed', 'answer', `the connection was closed before what was expected came: it ${wrong.join('; ')}`, {
        shown: shown(),
      })
    }
    received = Buffer.concat([received, chunk])
    if (mismatches(matcher, received.toString('utf8')).length === 0) return
    if (received.length > LIMIT)
      throw new Fault('oversized', 'answer', `more than ${LIMIT} bytes came without what was expected`, { shown: shown() })
  }
}
