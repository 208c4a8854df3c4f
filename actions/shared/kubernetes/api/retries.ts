/** This many second tries are told one by one; an outage of a minute with some calls under way has more. */
const EACH = 30

/**
 * Tells of second tries, each of the first and then at doubling distance with their number, so that a long outage fills no log. Counted over
 * all calls of a cluster: many calls fail together.
 */
export function retryLog(tell: (text: string) => void): (text: string) => void {
  let count = 0
  return (text) => {
    count++
    if (count <= EACH) tell(text)
    else if (Number.isInteger(Math.log2(count))) tell(`${text} (${count} calls were tried again so far; only some are told)`)
  }
}
