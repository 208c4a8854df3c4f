import { expect, test } from '@jest/globals'
import { createStory } from '../../../actions/shared/report/story.ts'

test('a story tells at once and keeps the same', () => {
  let now = Date.UTC(2026, 0, 1)
  const heard: unknown[] = []
  const story = createStory(() => now, {
    phase: (name) => heard.push(['phase', name]),
    line: (moment) => heard.push(moment),
    untrusted: (title, text) => heard.push([title, text]),
  })
  story.tell('before any phase')
  story.phase('verify\n::error::x')
  now += 1500
  story.tell('two\nlines', 'warning')
  story.evidence('log\nof web', `first\n${'x'.repeat(200_000)}\nlast`)
  const [early, late] = story.timeline
  expect(early).toEqual({ at: '2026-01-01T00:00:00.000Z', phase: '', text: 'before any phase', level: 'info' })
  expect(late).toEqual({ at: '2026-01-01T00:00:01.500Z', phase: 'verify ⏎ ::error::x', text: 'two ⏎ lines', level: 'warning' })
  expect(story.kept[0]?.title).toBe('log ⏎ of web')
  expect(story.kept[0]?.text).toMatch(/^first\nx+ … 134475 characters cut … x+\nlast$/)
  expect(heard).toEqual([early, ['phase', 'verify ⏎ ::error::x'], late, [story.kept[0]?.title, story.kept[0]?.text]])
})
