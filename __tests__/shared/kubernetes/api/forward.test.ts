import { expect, test } from '@jest/globals'
import { clusterForward } from '../../../../actions/shared/kubernetes/api/forward.ts'
import { createStory } from '../../../../actions/shared/report/story.ts'

test('a kubeconfig is read when the first stream is opened: who opens none needs none, and who does is told what is wrong with it', () => {
  const { signal } = new AbortController()
  const story = createStory(() => 0, { phase: () => undefined, line: () => undefined, untrusted: () => undefined })
  const where = { kubeconfig: '/nowhere/config', context: undefined }
  const forward = clusterForward(where, { environment: {}, signal, story, mask: () => undefined })
  expect(() => forward({ namespace: 'shop', service: 'web', port: 'http' }, signal)).toThrow('the kubeconfig cannot be read')
})
