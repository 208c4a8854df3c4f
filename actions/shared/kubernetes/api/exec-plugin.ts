// Credentials from a tool that the kubeconfig names, asked for as kubectl does:
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
import { spawn } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { dirname, resolve } from 'node:path'
import { cut, oneLine } from '../../report/text.ts'
import { formatDuration } from '../../time/clock.ts'
import { type Entry, textIn } from './kubeconfig.ts'
import { CredentialError } from './permanent.ts'
import { isRecord } from './status.ts'

type Environment = Record<string, string | undefined>

export interface Plugin {
  command: string
  args: string[]
  env: Record<string, string>
  apiVersion: string
  installHint: string
  provideClusterInfo: boolean
}

/** What a plugin gave: a token, a client certificate with its key (PEM), or both. */
export interface PluginAnswer {
  token: string | undefined
  cert: string | undefined
  key: string | undefined
  /** When it ends, in milliseconds since 1970; undefined when that is not said. */
  expires: number | undefined
}

export interface PluginWorld {
  environment: Environment
  signal: AbortSignal
  /** The plugin is ended after this long, in milliseconds. */
  timeout: number
  mask: (secret: string) => void
}

const API = 'client.authentication.k8s.io'
const VERSIONS = [`${API}/v1`, `${API}/v1beta1`]
/** An answer is a token or a certificate. */
const MOST_BYTES = 2 ** 20
/** A header can carry it. */
export const TOKEN = /^[\x21-\x7e]+$/

/** The plugin that a user of a kubeconfig names. Throws a CredentialError for what kubectl does not take either. */
export function readPlugin(user: Entry): Plugin {
  const named = `the kubeconfig's exec of user ${JSON.stringify(user.name)}`
  const refuse = (why: string): never => {
    throw new CredentialError(`${named} ${why}`)
  }
  const { exec } = user.body
  if (!isRecord(exec)) return refuse('is no object')
  const entry: Entry = { ...user, body: exec }
  const command = textIn(entry, 'command') ?? refuse('names no command')
  const apiVersion = textIn(entry, 'apiVersion') ?? ''
  if (!VERSIONS.includes(apiVersion)) return refuse(`has apiVersion ${JSON.stringify(apiVersion)}; ${VERSIONS.join(' and ')} are possible`)
  const mode = textIn(entry, 'interactiveMode') ?? (apiVersion.endsWith('/v1') ? '' : 'IfAvailable')
  if (mode === 'Always') return refuse('has interactiveMode Always: it wants to ask somebody, and nobody is there')
  if (!['Never', 'IfAvailable'].includes(mode)) return refuse('needs interactiveMode: Never or IfAvailable')
  const { args = [], env = [], provideClusterInfo } = exec
  const texts: unknown = args ?? []
  if (!isTexts(texts)) return refuse('has args that are no list of texts')
  const variables = (Array.isArray(env ?? []) ? (env ?? []) : [undefined]) as unknown[]
  const pairs = variables.map((one) => {
    const { name, value } = isRecord(one) ? one : {}
    if (typeof name !== 'string' || typeof value !== 'string' || !/^[^=\0]+$/.test(name) || value.includes('\0'))
      return refuse('has an env that is no list of name and value')
    return [name, value] as const
  })
  return {
    // Only one with a slash is a path; it is relative to the kubeconfig, as in kubectl.
    command: command.includes('/') ? resolve(user.file === undefined ? '.' : dirname(user.file), command) : command,
    args: texts,
    env: Object.fromEntries(pairs),
    apiVersion,
    installHint: textIn(entry, 'installHint') ?? '',
    provideClusterInfo: provideClusterInfo === true,
  }
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string' && !one.includes('\0'))

/**
 * Asks a plugin for credentials, which are masked before they are returned. What it prints besides is not looked at and in no message, as
 * it may hold secrets. Throws a CredentialError when there are none, and the signal's reason.
 */
export async function askPlugin(plugin: Plugin, cluster: object | undefined, world: PluginWorld): Promise<PluginAnswer> {
  const spec = { ...(plugin.provideClusterInfo && { cluster }), interactive: false }
  const info = JSON.stringify({ kind: 'ExecCredential', apiVersion: plugin.apiVersion, spec })
  const env = { ...inherited(world.environment), ...plugin.env, KUBERNETES_EXEC_INFO: info }
  return readAnswer(await output(plugin, env, world), plugin, world.mask)
}

/** The variables of the process without the inputs of the action and the files by which a step speaks to the runner. */
const inherited = (environment: Environment): Environment =>
  Object.fromEntries(
    Object.entries(environment).filter(([name]) => !/^(INPUT_.*|STATE_.*|GITHUB_(OUTPUT|ENV|PATH|STATE|STEP_SUMMARY))$/.test(name)),
  )

const nameOf = ({ command }: Plugin): string => `the kubeconfig's exec plugin ${JSON.stringify(cut(oneLine(command.slice(0, 1000)), 200))}`

function output(plugin: Plugin, env: Environment, { signal, timeout }: PluginWorld): Promise<string> {
  signal.throwIfAborted()
  const { promise, resolve: done, reject } = Promise.withResolvers<string>()
  // A group of its own, so that what a shell has started ends with it.
  const child = spawn(plugin.command, plugin.args, { env, stdio: ['ignore', 'pipe', 'ignore'], detached: true })
  const end = (error: unknown): void => {
    if (child.pid !== undefined) killGroup(child.pid)
    child.stdout.destroy()
    reject(error)
  }
  const fail = (why: string): void => end(new CredentialError(`${nameOf(plugin)} ${why}`))
  const aborted = (): void => end(signal.reason)
  const timer = setTimeout(() => fail(`gave no answer within ${formatDuration(timeout)}`), timeout)
  signal.addEventListener('abort', aborted, { once: true })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    if (text.length > MOST_BYTES) fail(`answers with more than ${MOST_BYTES} bytes`)
  })
  child.once('error', ({ code = 'no reason' }: NodeJS.ErrnoException) => fail(whyNotStarted(plugin, code)))
  child.once('close', (code, by) => {
    if (code === 0) done(text)
    else fail(`failed with ${code === null ? by : `exit code ${code}`}; run it by hand to see what it says`)
  })
  return promise.finally(() => {
    clearTimeout(timer)
    signal.removeEventListener('abort', aborted)
  })
}

function whyNotStarted({ installHint }: Plugin, code: string): string {
  const hint = installHint === '' ? '' : `: ${cut(oneLine(installHint.slice(0, 1000)), 500)}`
  if (code === 'ENOENT') return `is not there (ENOENT)${hint || '; install it, or put its folder on PATH'}`
  return `cannot be started (${code})${hint}`
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error // else it has ended
  }
}

function readAnswer(text: string, plugin: Plugin, mask: (secret: string) => void): PluginAnswer {
  const refuse = (why: string): never => {
    throw new CredentialError(`${nameOf(plugin)} ${why}`)
  }
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    return refuse(text.trim() === '' ? 'answers with nothing' : 'answers with something that is not JSON') // its words may quote a secret
  }
  if (!isRecord(answer) || answer.kind !== 'ExecCredential') return refuse('does not answer with an ExecCredential')
  if (answer.apiVersion !== plugin.apiVersion) return refuse(`does not answer in ${plugin.apiVersion}, which the kubeconfig asks for`)
  const status = isRecord(answer.status) ? answer.status : refuse('answers without a status')
  const field = (name: string): string | undefined => {
    const value = status[name]
    if (value === undefined || value === null || value === '') return undefined
    return typeof value === 'string' ? value : refuse(`answers with a ${name} that is no text`)
  }
  const [token, key] = [field('token'), field('clientKeyData')]
  for (const secret of [token, key]) if (secret !== undefined) mask(secret)
  const cert = field('clientCertificateData')
  if (token === undefined && cert === undefined && key === undefined) return refuse('answers with neither a token nor a certificate')
  if ((cert === undefined) !== (key === undefined)) return refuse('answers with only one of certificate and key')
  if (token !== undefined && !TOKEN.test(token)) return refuse('answers with a token that no header can carry')
  if (cert !== undefined && key !== undefined && !isPair(cert, key))
    return refuse('answers with a certificate or a key that is not PEM, or not a pair')
  const until = field('expirationTimestamp')
  const expires = until === undefined ? undefined : Date.parse(until)
  if (Number.isNaN(expires)) return refuse('answers with an expirationTimestamp that is no time')
  return { token, cert, key, expires }
}

/** Whether a certificate and a key can be read and belong together. */
export function isPair(cert: string, key: string): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))
  } catch {
    return false // OpenSSL's words say nothing to a reader of the log
  }
}
