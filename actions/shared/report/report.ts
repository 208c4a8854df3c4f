// The evidence report: one JSON shape for every action. report.schema.json is generated from this schema.
import { z } from 'zod'

/** How an action ends: `failed` judges the thing under test, `error` says that we could not tell. */
export const outcomeSchema = z.enum(['passed', 'failed', 'inconclusive', 'error'])
export type Outcome = z.infer<typeof outcomeSchema>

const levelSchema = z.enum(['info', 'good', 'warning', 'bad'])
export type Level = z.infer<typeof levelSchema>

const momentSchema = z.strictObject({
  at: z.iso.datetime().describe('when it happened'),
  phase: z.string().describe('the phase of the run; empty before the first'),
  text: z.string(),
  level: levelSchema,
})
export type Moment = Readonly<z.infer<typeof momentSchema>>

const chartSchema = z
  .strictObject({
    title: z.string(),
    x: z.string().describe('what the x axis counts, with its unit'),
    y: z.string().describe('what the y axis counts, with its unit'),
    series: z
      .array(z.strictObject({ name: z.string(), points: z.array(z.tuple([z.number(), z.number()])).readonly() }))
      .readonly()
      .describe('curves; the points of each in ascending x, at any distance'),
    limit: z.number().optional().describe('a threshold, drawn as a level line'),
  })
  .describe('curves over one axis')
export type Chart = Readonly<z.infer<typeof chartSchema>>

export const reportSchema = z
  .strictObject({
    version: z.literal(1),
    action: z.string().describe('which action wrote the report'),
    outcome: outcomeSchema.describe('failed judges the thing under test; error says that nothing can be said about it'),
    headline: z.string().describe('one sentence: what came out'),
    reason: z.string().describe('why, and what to do next'),
    code: z.string().optional().describe('the stable name of what went wrong, listed in the README of the action'),
    started: z.iso.datetime(),
    seconds: z.number().nonnegative().describe('how long the run took'),
    run: z.strictObject({ url: z.string() }).optional().describe('the workflow run'),
    facts: z.array(z.strictObject({ name: z.string(), value: z.string() })).readonly(),
    timeline: z.array(momentSchema).readonly(),
    evidence: z
      .array(z.strictObject({ title: z.string(), text: z.string() }))
      .readonly()
      .describe('logs, events and answers; untrusted text'),
    chart: chartSchema.optional(),
    charts: z.array(chartSchema).readonly().optional().describe('further charts, which only the page shows'),
    data: z.unknown().describe("the action's own figures"),
  })
  .describe('The evidence report of one run')
/** Arrays are readonly, so a story's timeline and evidence go in as they are; `data` must be JSON. */
export type Report = z.infer<typeof reportSchema>

/** What an action found; the rest of a report is the same for all, and runAction adds it. `evidence` comes before the story's. */
export type Findings = Omit<Report, 'version' | 'action' | 'started' | 'seconds' | 'run' | 'timeline' | 'evidence'> &
  Partial<Pick<Report, 'evidence'>>
