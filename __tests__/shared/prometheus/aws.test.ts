// The signature that AWS publishes for its test vectors: the suite of Signature Version 4 (aws-sig-v4-test-suite: get-vanilla,
// get-vanilla-query-order-key-case, post-x-www-form-urlencoded, get-vanilla-with-session-token) and the example of its documentation
// (IAM, ListUsers: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from '@jest/globals'
import { awsKeys, awsSigner } from '../../../actions/shared/prometheus/aws.ts'
import { PrometheusClient } from '../../../actions/shared/prometheus/client.ts'

const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', sessionToken: undefined }
const at = (): number => Date.parse('2015-08-30T12:36:00Z')
const form = { 'content-type': 'application/x-www-form-urlencoded' }

test.each([
  [
    'get-vanilla',
    'GET',
    'https://example.amazonaws.com/',
    {},
    '',
    'service',
    'host;x-amz-date',
    '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
  ],
  [
    'get-vanilla-query-order-key-case',
    'GET',
    'https://example.amazonaws.com/?Param2=value2&Param1=value1',
    {},
    '',
    'service',
    'host;x-amz-date',
    'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
  ],
  [
    'post-x-www-form-urlencoded',
    'POST',
    'https://example.amazonaws.com/',
    form,
    'Param1=value1',
    'service',
    'content-type;host;x-amz-date',
    'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
  ],
  [
    'ListUsers',
    'GET',
    'https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08',
    { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    '',
    'iam',
    'content-type;host;x-amz-date',
    '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
  ],
])('%s', async (_, method, url, headers, body, service, signed, signature) => {
  const sign = awsSigner(keys, 'us-east-1', at, service)
  expect((await sign({ method, url: new URL(url), headers, body })).authorization).toBe(
    `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/${service}/aws4_request, SignedHeaders=${signed}, Signature=${signature}`,
  )
})

test('temporary credentials send their session, which is signed', async () => {
  const sessionToken = '6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267'
  const sign = awsSigner({ ...keys, sessionToken }, 'us-east-1', at, 'service')
  const headers = await sign({ method: 'GET', url: new URL('https://example.amazonaws.com/'), headers: {}, body: '' })
  expect(headers['x-amz-security-token']).toBe(sessionToken)
  expect(headers.authorization).toMatch(
    /SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8$/,
  )
})

test('the keys are those of the environment; half of them are none', () => {
  const both = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' }
  expect(awsKeys({ ...both, AWS_SESSION_TOKEN: 'session' })).toEqual({
    accessKeyId: 'id',
    secretAccessKey: 'secret',
    sessionToken: 'session',
  })
  expect(awsKeys({ ...both, AWS_SESSION_TOKEN: '' })).toEqual({ accessKeyId: 'id', secretAccessKey: 'secret', sessionToken: undefined })
  expect(awsKeys({ AWS_ACCESS_KEY_ID: 'id' })).toBeUndefined()
  expect(awsKeys({ AWS_SECRET_ACCESS_KEY: 'secret', AWS_ACCESS_KEY_ID: '' })).toBeUndefined()
})

test('a query is sent as it was signed: body, path, query and headers', async () => {
  const came: { url: string; headers: IncomingHttpHeaders; body: string }[] = []
  const serve = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    let body = ''
    for await (const chunk of req) body += String(chunk)
    came.push({ url: req.url ?? '', headers: req.headers, body })
    res.end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result: [] } }))
  }
  const server = createServer((req, res) => void serve(req, res))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const sign = awsSigner(keys, 'eu-west-1', at)
  const signal = new AbortController().signal
  const client = new PrometheusClient({
    url: `http://${host}/workspaces/ws-1?a=b&a=c`,
    headers: { 'x-other': '1' },
    tls: {},
    timeout: 5000,
    signal,
    sign,
  })
  await client.instant('up{a="b c"}', 0)
  await client.close()
  server.close()
  const [{ url, headers, body } = { url: '', headers: {}, body: '' }] = came
  expect(url).toBe('/workspaces/ws-1/api/v1/query?a=b&a=c')
  expect(headers).toMatchObject({ host, 'x-amz-date': '20150830T123600Z', 'x-other': '1' })
  const again = await sign({
    method: 'POST',
    url: new URL(url, `http://${host}`),
    headers: { 'x-other': '1', accept: 'application/json', ...form },
    body,
  })
  expect(headers.authorization).toBe(again.authorization)
  expect(headers.authorization).toMatch(
    /\/20150830\/eu-west-1\/aps\/aws4_request, SignedHeaders=accept;content-type;host;x-amz-date;x-other,/,
  )
})
