/** Why a release cannot begin; nothing has been changed. */
export class PreflightError extends Error {
  readonly code = 'preflight'
}
