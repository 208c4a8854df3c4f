import { stripTypeScriptTypes } from 'node:module'

/** Jest's transformer: Node's own type stripping, so that tests run the sources as Node would. */
export default { process: (source) => ({ code: stripTypeScriptTypes(source, { mode: 'strip' }) }) }
