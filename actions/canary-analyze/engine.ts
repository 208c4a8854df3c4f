// The analysis of a release: what is judged by whom, and when. Knows no GitHub.
import { runTemplate } from './argo/run.ts'
import type { ArgoTemplate } from './argo/template.ts'
import type { GivenConfig } from './config.ts'
import type { KayentaConfig, Scopes } from './kayenta/config.ts'
import { judgeWindow } from './kayenta/run.ts'
import { type Expectation, planAnalysis } from './plan.ts'
import type { Analysis, Ports, Schedule } from './result.ts'
import type { Sides } from './sources/source.ts'
import { analyzeSequentially } from './watch/sequential.ts'

export type { Analysis, Ports, Schedule }

/** By the judge; the fields are those that it needs. */
export type Request =
  | {
      judge: 'sequential'
      config: GivenConfig
      sides: Sides
      previous: Readonly<Record<string, readonly number[]>>
      schedule: Schedule
    }
  | { judge: 'threshold'; template: ArgoTemplate; schedule: Schedule }
  | { judge: 'mann-whitney'; config: KayentaConfig; scopes: Scopes; thresholds: { pass: number; marginal: number }; schedule: Schedule }
  | { judge: 'plan'; config: GivenConfig; expected: Expectation; schedule: Schedule }

/** Judges a release. Throws when it could not tell: Prometheus, the configuration. A bad release is a result with outcome `failed`. */
export async function analyze(request: Request, ports: Ports): Promise<Analysis> {
  const { schedule } = request
  switch (request.judge) {
    case 'sequential':
      return analyzeSequentially(request.config, request.sides, schedule, request.previous, ports)
    case 'threshold':
      return runTemplate(request.template, schedule, ports)
    case 'mann-whitney':
      return judgeWindow(request.config, request.scopes, request.thresholds, schedule, ports)
    case 'plan':
      return planAnalysis(request.config, request.expected, schedule, ports.clock.now())
  }
}
