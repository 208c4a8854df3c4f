// Messages about an object whose values are secret, such as a Secret that the API server refuses.

/** After these a value comes, in whatever form, and nothing else that is worth its risk. */
const BEFORE_VALUES = /(\bgot |\bbyte of |\bdenied the request: |\bparsing |&?\{).*/s
/** A quote that is not closed goes on to the end; one within a word is an apostrophe. */
const QUOTED = /"(?:[^"\\]|\\.)*"?|(?<!\w)'[^']*'?|`[^`]*`?/gs
const BARE = /((?:Invalid|Unsupported|Duplicate) value: )(?!\*\*\*).*/s
const NUMBER = /(\bcannot unmarshal \w+ )\S+(?= into )/g

/**
 * A message of the API server, or of a parser, without what it may quote of the values of an object: the kind of the fault and the names of
 * the fields stay. Linear in the message.
 */
export const withoutValues = (message: string): string =>
  message.replace(BEFORE_VALUES, '$1***').replace(QUOTED, '***').replace(BARE, '$1***').replace(NUMBER, '$1***')
