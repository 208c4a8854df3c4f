// A byte stream to a pod behind a Service, through the API server: what is inside a cluster is reached from any runner, without a proxy
// that would read or change what is said. Each stream is one WebSocket of Kubernetes' port-forward protocol (v4.channel.k8s.io): every
// message begins with its channel, 0 for data and 1 for what went wrong, and the first of each channel holds the port only.
import type { IncomingMessage } from 'node:http'
import type { RequestOptions } from 'node:https'
import { Duplex } from 'node:stream'
import type { KubeConfig } from '@kubernetes/client-node'
import { type RawData, WebSocket } from 'ws'
import { type Cluster, type KubeObject, selectorText } from './cluster.ts'
import { Kubeconfig } from './credentials.ts'
import { isRecord } from './status.ts'

/** The way to a Service as it is now. */
interface Backend {
  pods: string[]
  port: number
}

/** Opens a byte stream to a pod behind a Service. */
export type Forward = (to: ServicePort, signal: AbortSignal) => Promise<Duplex>

/** A port of a Service, by its name or number. */
export interface ServicePort {
  namespace: string
  service: string
  port: string
}

/** There is a Service, and nobody behind it who is ready: a word about the service, not about the way. */
export class NoEndpoints extends Error {
  readonly code = 'ENOENDPOINTS'
  /** There is no such Service, or it cannot have pods at this port: who named it is at fault. */
  readonly missing: boolean
  constructor(message: string, missing: boolean) {
    super(message)
    this.missing = missing
  }
}
/** The API server has refused to open a stream. */
export class NotForwarded extends Error {
  readonly status: number | undefined
  constructor(message: string, status: number | undefined) {
    super(message)
    this.status = status
  }
}
/** The pod was reached and does not listen: the node said so. */
class PodRefused extends Error {
  readonly code = 'ECONNREFUSED'
}

/** Messages to the pod that may wait to be sent, in bytes. */
const BUFFER = 2 ** 20

/**
 * Opens streams to the pods of Services, to one ready pod after the other, so that connections in a row reach different ones. `port` is a
 * name or a number of the Service's. Needs `get` of services and `list` of endpointslices, `get` and `create` of pods/portforward.
 */
export function createForward(config: KubeConfig, cluster: Cluster): Forward {
  let turn = 0
  return async (to, signal) => {
    const { pods, port } = await backendOf(cluster, to)
    const pod = pods[turn++ % pods.length] ?? ''
    return openStream(config, { namespace: to.namespace, pod, port }, signal)
  }
}

async function backendOf(cluster: Cluster, { namespace, service: name, port }: ServicePort): Promise<Backend> {
  const service = await cluster.get({ apiVersion: 'v1', kind: 'Service', namespace, name })
  if (!service) throw new NoEndpoints(`there is no Service ${name} in namespace ${namespace}`, true)
  const named = portOf(service, namespace, port)
  const labelSelector = selectorText({ 'kubernetes.io/service-name': name })
  const { items } = await cluster.list({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', namespace, labelSelector })
  const found = items.map((slice) => ({
    // Slices name their ports as the Service does; a single port may be without a name.
    port: Number(listIn(slice, 'ports').find((candidate) => (candidate.name ?? '') === named)?.port ?? 0),
    pods: listIn(slice, 'endpoints').flatMap(readyPod),
  }))
  const [first] = found.filter((slice) => slice.port > 0 && slice.pods.length > 0)
  if (!first) throw new NoEndpoints(`Service/${name} has no ready pods`, false)
  const pods = new Set(found.filter((slice) => slice.port === first.port).flatMap((slice) => slice.pods))
  return { pods: [...pods].sort(), port: first.port }
}

/** The name of a Service's port, which may be empty. Throws NoEndpoints when there is no such port, or nothing behind any. */
function portOf({ metadata: { name }, spec }: KubeObject, namespace: string, port: string): string {
  const { type, externalName } = isRecord(spec) ? spec : {}
  if (type === 'ExternalName')
    throw new NoEndpoints(
      `Service/${name} in namespace ${namespace} has no pods: it is of type ExternalName and stands for ${String(externalName)}; check that address itself`,
      true,
    )
  const ports = listIn(spec, 'ports')
  if (ports.length === 0)
    throw new NoEndpoints(`Service/${name} in namespace ${namespace} has no ports, so that no pod can be reached by it`, true)
  const named = ports.find((candidate) => candidate.name === port || String(candidate.port) === port)
  if (named) return typeof named.name === 'string' ? named.name : ''
  throw new NoEndpoints(`Service/${name} has no port ${port}; it has ${ports.map((one) => String(one.name ?? one.port)).join(', ')}`, true)
}

/** The pod of an endpoint that is ready, as a list of one or none. */
function readyPod({ conditions, targetRef }: Record<string, unknown>): string[] {
  if (!isRecord(targetRef) || typeof targetRef.name !== 'string' || (targetRef.kind ?? 'Pod') !== 'Pod') return []
  return isRecord(conditions) && conditions.ready === false ? [] : [targetRef.name]
}

/** The objects of a list that may be absent, null, or hold something else. */
function listIn(of: unknown, field: string): Record<string, unknown>[] {
  const list = isRecord(of) ? of[field] : undefined
  return Array.isArray(list) ? list.filter(isRecord) : []
}

/** One stream to one port of a pod. Resolves when the API server has accepted it; what the pod does then is told by the stream. */
async function openStream(config: KubeConfig, to: { namespace: string; pod: string; port: number }, signal: AbortSignal): Promise<Duplex> {
  const options: RequestOptions = {}
  // Tokens, client certificates, proxy and CA as the kubeconfig has them now.
  await config.applyToHTTPSOptions(options)
  signal.throwIfAborted()
  const server = new URL(`${config.getCurrentCluster()?.server.replace(/\/$/, '') ?? ''}/`)
  server.protocol = server.protocol === 'http:' ? 'ws:' : 'wss:'
  const url = new URL(`api/v1/namespaces/${encodeURIComponent(to.namespace)}/pods/${encodeURIComponent(to.pod)}/portforward`, server)
  url.searchParams.set('ports', String(to.port))
  const socket = new WebSocket(url, ['v4.channel.k8s.io'], {
    ...options,
    perMessageDeflate: false,
    maxPayload: 4 * 2 ** 20,
    followRedirects: false,
  })
  const stream = new PodStream(socket, to)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const aborted = (): void => {
    reject(signal.reason as Error)
    stream.destroy()
  }
  signal.addEventListener('abort', aborted, { once: true })
  stream.once('error', reject)
  socket.once('open', resolve)
  socket.once('unexpected-response', (_, answer: IncomingMessage) => {
    answer.resume()
    // The next stream asks for other credentials.
    if (answer.statusCode === 401 && config instanceof Kubeconfig) config.forget()
    const hint = answer.statusCode === 403 ? ' (it takes get and create of pods/portforward)' : ''
    reject(
      new NotForwarded(
        `cannot port-forward to Pod/${to.pod} in namespace ${to.namespace}: the API server answers ${answer.statusCode}${hint}`,
        answer.statusCode,
      ),
    )
    stream.destroy()
  })
  try {
    await promise
    return stream
  } finally {
    signal.removeEventListener('abort', aborted)
  }
}

/** The data channel as a stream that slows down whoever sends too fast. */
class PodStream extends Duplex {
  readonly #socket: WebSocket
  readonly #begun = new Set<number>()

  constructor(socket: WebSocket, to: { pod: string; port: number }) {
    super({ allowHalfOpen: false })
    this.#socket = socket
    socket.on('message', (data: RawData) => this.#receive(Buffer.from(data as Buffer), to))
    socket.on('error', (error) => this.destroy(error))
    socket.on('close', () => this.push(null))
  }

  #receive(message: Buffer, { pod, port }: { pod: string; port: number }): void {
    const channel = message[0] ?? 0
    if (!this.#begun.has(channel)) {
      this.#begun.add(channel)
      // The port, two bytes; a server may send more with it.
      if (message.length <= 3) return
      message = message.subarray(2)
    }
    const content = message.subarray(1)
    if (channel === 1) {
      const text = content.toString('utf8').slice(0, 500)
      const said = `port ${port} of Pod/${pod}: ${text}`
      this.destroy(/refused/i.test(text) ? new PodRefused(said) : new Error(said))
    } else if (channel === 0 && content.length > 0 && !this.push(content)) this.#socket.pause()
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#socket.readyState !== WebSocket.OPEN) {
      done(new Error('the port-forward is closed'))
      return
    }
    const full = this.#socket.bufferedAmount > BUFFER
    // A stream that breaks tells so by its end; only a full one waits for the message to be gone.
    this.#socket.send(Buffer.concat([Buffer.from([0]), chunk]), { binary: true }, (error) => full && done(error))
    if (!full) done()
  }

  override _final(done: (error?: Error | null) => void): void {
    // The protocol has no half-closed streams: the end waits for the other side, or for destroy.
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.terminate()
    done(error)
  }
}
