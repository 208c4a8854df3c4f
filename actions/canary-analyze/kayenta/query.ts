// The PromQL of a metric for one scope, as Kayenta's Prometheus service builds it.
import { own } from '../../shared/text/records.ts'
import type { QueryDocument } from './schema.ts'
import { checkFilled, expand, howToGive } from './variables.ts'

/** What fills the variables of a query. */
interface Filling {
  /** The text that tells the candidate's series from the baseline's. */
  scope: string
  location: string
  args: Readonly<Record<string, string>>
}

/** Builds the query. `used` learns the variables that were used. Throws an Error for what has no value. */
type BuildQuery = (filling: Filling, used: Set<string>) => string

const PROMQL = 'PromQL:'

/** Throws an Error for what can be known without the scopes. */
export function queryOf(
  given: QueryDocument,
  templates: Readonly<Record<string, string>>,
  args: Readonly<Record<string, string>>,
): BuildQuery {
  if (given.customFilter !== undefined) throw new Error('customFilter is deprecated, and refused by Kayenta too; use customInlineTemplate')
  const template = templateOf(given, templates)
  if (template === undefined) return byResource(given, args)
  if (![template, ...Object.values(args)].some((text) => /\$\\?\{scope(?:\}|:-)/.test(text)))
    throw new Error(`its query has no \${scope}, so it cannot tell the candidate from the baseline: '${template}'`)
  // Without a metric it cannot be the filter of one.
  const whole = template.startsWith(PROMQL) || !given.metricName
  if (!whole) checkName(given)
  if (whole && given.labelBindings.length + given.groupByFields.length > 0)
    throw new Error('labelBindings and groupByFields are for a metricName; its template is a whole query')
  return (filling, used) => {
    const text = expand(template, valuesOf(given, filling), used)
    return filled(whole ? withoutPrefix(text) : average(given, [text.replace(/[\s,]+$/, ''), ...given.labelBindings]))
  }
}

function templateOf(given: QueryDocument, templates: Readonly<Record<string, string>>): string | undefined {
  if (given.customInlineTemplate) return given.customInlineTemplate
  const name = given.customFilterTemplate
  if (!name) return undefined
  const template = own(templates, name)
  if (template === undefined)
    throw new Error(
      `its customFilterTemplate '${name}' is none of the config's templates; they are ${Object.keys(templates).join(', ') || 'empty'}`,
    )
  return template
}

/** An arg of the name of a field goes before it, as Kayenta's extendedScopeParams do. */
const valuesOf = (given: QueryDocument, { scope, location, args }: Filling): Record<string, string> => ({
  scope,
  ...(location && { location }),
  ...(given.resourceType && { resourceType: given.resourceType }),
  ...args,
})

const withoutPrefix = (text: string): string => (text.startsWith(PROMQL) ? text.slice(PROMQL.length) : text)

function filled(query: string): string {
  checkFilled(query)
  return query
}

/** The queries that Kayenta has for instances of Google and Amazon. */
function byResource(given: QueryDocument, args: Filling['args']): BuildQuery {
  checkName(given)
  const type = given.resourceType ?? own(args, 'resourceType')
  if (type !== 'gce_instance' && type !== 'aws_ec2_instance')
    throw new Error(
      `Kayenta has queries of its own for the resourceType gce_instance and aws_ec2_instance, and here it is '${type ?? ''}'; write the query as customInlineTemplate`,
    )
  return ({ scope, location }, used) => {
    if (!given.resourceType) used.add('resourceType')
    if (!location) throw new Error(`the resourceType ${type} takes a location; ${howToGive('location')}`)
    const labels = type === 'gce_instance' ? ofGoogle(scope, location, args, used) : ofAmazon(scope, location)
    return filled(average(given, [...given.labelBindings, ...labels]))
  }
}

function ofGoogle(scope: string, location: string, args: Filling['args'], used: Set<string>): string[] {
  used.add('project')
  const project = own(args, 'project')
  return [`instance=~"${scope}-.{4}"`, `zone=~".+/${project ? `projects/${project}/` : ''}zones/${location}-.{1}"`]
}

const ofAmazon = (scope: string, location: string): string[] => [`asg_groupName="${scope}"`, `zone=~"${location}.{1}"`]

function checkName({ metricName = '' }: QueryDocument): void {
  if (!/^[a-zA-Z_:][\w:]*$/.test(metricName)) throw new Error(`metricName is '${metricName}': the name of a metric is wanted`)
}

const average = ({ metricName, groupByFields }: QueryDocument, labels: readonly string[]): string =>
  `avg(${metricName}{${labels.filter(Boolean).join(',')}})${groupByFields.length ? ` by (${groupByFields.join(',')})` : ''}`
