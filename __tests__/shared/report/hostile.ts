// What a log, a branch name or an HTTP answer may hold when someone means harm.
export const hostile = [
  '::error::planted',
  '  ::set-output name=outcome::passed',
  '::stop-commands::planted',
  'text ##[error]planted',
  '##[add-mask]passed',
  '%0A::error::planted%0D%0A::warning::planted',
  '\u00ad::error::planted',
  '\x1b[31mred\x1b[0m \x1b]8;;https://evil.example\x07link\x1b]8;;\x07 \x9b2J',
  'a \u202e reversed \u2066 isolate \u200b zero \u{e0041} tag \0 nul',
  '</details></pre><script>alert(1)</script><img src=x onerror=alert(1)>',
  '| a cell | another |',
  '[link](https://evil.example) ![image](https://evil.example/x.png) https://evil.example @everyone #1 $x$ `code` **bold**',
  '```mermaid',
  '%%{init: {"securityLevel": "loose"}}%%',
  'lone \ud800 surrogate',
].join('\n')
