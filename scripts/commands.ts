// Reads a step's output as the runner does (actions/runner: ActionCommand.cs, ActionCommandManager.cs): which lines are commands, which are text.

export interface Command {
  name: string
  properties: Record<string, string>
  data: string
}

const known = new Set(
  'add-mask add-matcher add-path debug echo endgroup error group notice remove-matcher save-state set-env set-output stop-commands warning'.split(
    ' ',
  ),
)

const decode = (text: string): string =>
  text
    .replaceAll('%0D', '\r')
    .replaceAll('%0A', '\n')
    .replaceAll('%3A', ':')
    .replaceAll('%2C', ',')
    .replaceAll('%5D', ']')
    .replaceAll('%25', '%')

const properties = (text: string, separator: string): Record<string, string> =>
  Object.fromEntries(
    text.split(separator).flatMap((pair) => {
      const at = pair.indexOf('=')
      return at > 0 ? [[pair.slice(0, at).trim(), decode(pair.slice(at + 1))]] : []
    }),
  )

function parseCommand(line: string, names: Set<string>): Command | undefined {
  const [, name = '', rest = '', data = ''] = /^\s*::([^ :]+)(?: (.*?))?::(.*)$/s.exec(line) ?? []
  if (names.has(name)) return { name, properties: properties(rest, ','), data: decode(data) }
  // The older form is a command anywhere in the line.
  const [, older = '', others = '', text = ''] = /##\[([^ \]]+)(?: ([^\]]*))?\](.*)$/s.exec(line) ?? []
  return names.has(older) ? { name: older, properties: properties(others, ';'), data: decode(text) } : undefined
}

/** Takes the lines of one step in order; gives the command that a line is, or undefined for text (also for a stopped command). */
export function createCommandReader(): (line: string) => Command | undefined {
  let token: string | undefined
  return (line) => {
    const command = parseCommand(line, token === undefined ? known : new Set([token]))
    if (command?.name === 'stop-commands') token = command.data
    else if (command && command.name === token) token = undefined
    return command
  }
}

/** Text with the values of `add-mask` commands and each of their lines as ***, as the runner's log has it. */
export function createMask(): { add(secret: string): void; hide(text: string): string } {
  const secrets: string[] = []
  return {
    add: (secret) => void secrets.push(...[secret, ...secret.split(/[\r\n]+/)].filter((line) => line !== '')),
    hide: (text) => secrets.reduce((result, secret) => result.replaceAll(secret, '***'), text),
  }
}
