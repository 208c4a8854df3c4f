/** What runAction adds to the findings of an action. */
export const FRAME = { version: 1, action: 'demo', started: '2026-01-02T03:04:05.000Z', seconds: 12, timeline: [], evidence: [] } as const
