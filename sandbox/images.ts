import { join } from 'node:path'
import type { Cluster } from './cluster.ts'

const server = join(import.meta.dirname, '../examples/secure-messenger/backend/server.js')

/** The example's image repository. */
export const BACKEND = 'registry.example/backend'

/**
 * Pushes the example backend as `registry.example/backend:v1` to `:v5`: one program that answers with another version.
 * `env` makes a tag misbehave from the start: `{ v2: { ERROR_RATE: '0.3' } }`. Answers with the digest of each tag.
 */
export async function exampleImages(cluster: Cluster, env: Record<string, Record<string, string>> = {}): Promise<Record<string, string>> {
  const digests: Record<string, string> = {}
  for (const tag of new Set(['v1', 'v2', 'v3', 'v4', 'v5', ...Object.keys(env)])) {
    digests[tag] = await cluster.addImage(`${BACKEND}:${tag}`, {
      command: [process.execPath, server],
      env: { VERSION: tag, ...env[tag] },
    })
  }
  return digests
}
