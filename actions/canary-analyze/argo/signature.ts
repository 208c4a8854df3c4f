// What a function of a condition is: which arguments it takes, and what it gives.
import { ANY, assignable, nameOf, refuse, type Type } from './types.ts'

export interface Call {
  args: readonly unknown[]
  /** What `isNil` and `default` mean, whatever they are given. */
  result: unknown
  /** Counts the work that is done. */
  spend(amount: number): void
}

export interface Known {
  /** The type of what it gives. Throws a ConditionError for arguments that it does not take. */
  check(args: readonly Type[], name: string): Type
  run(call: Call): unknown
}

/** One of several lists of parameters. */
export const taking =
  (gives: Type, ...shapes: readonly (readonly Type[])[]) =>
  (args: readonly Type[], name: string): Type => {
    const fitting = shapes.filter((shape) => shape.length === args.length)
    if (fitting.length === 0) refuse(`${name}(...) takes ${shapes.map(({ length }) => length).join(' or ')} arguments, not ${args.length}`)
    const fits = fitting.some((shape) => shape.every((parameter, i) => takes(parameter, args[i] ?? ANY)))
    return fits ? gives : refuse(`${name}(...) cannot take ${args.map(nameOf).join(', ')}`)
  }

/** Whole numbers go where a float is wanted, when they are written out; the call looks at that. */
function takes(parameter: Type, given: Type): boolean {
  if (parameter.is === 'any' || given.is === 'any') return true
  if (given.is === 'nil') return false
  return assignable(given, parameter) || (parameter.is === 'float' && given.is === 'int')
}

/** One argument of one of these types. */
export const one =
  (gives: (type: Type) => Type, ...allowed: readonly Type['is'][]) =>
  (args: readonly Type[], name: string): Type => {
    const [type] = args
    if (!type || args.length !== 1) return refuse(`${name}(...) takes 1 argument, not ${args.length}`)
    return type.is === 'any' || allowed.includes(type.is) ? gives(type) : refuse(`invalid argument for ${name} (type ${nameOf(type)})`)
  }
