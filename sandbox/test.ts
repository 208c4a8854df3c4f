// npm run test-sandbox: go vet and go test of the local cluster's program, by the Go that the cluster is built with, wherever that lies.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { goEnvironment } from './go.ts'
import { ensureRequirements } from './requirements.ts'

const module = join(import.meta.dirname, 'node')
const go = ensureRequirements(module, console.log)
for (const verb of ['vet', 'test']) {
  const { status, error } = spawnSync(go.path, [verb, './runtime', './cluster'], {
    cwd: module,
    env: goEnvironment(process.env, go.fetches),
    stdio: 'inherit',
  })
  if (error) throw error
  if (status !== 0) process.exit(status ?? 1)
}
