/** The one error class of the product: a stable code, a constant message and the next step. Never input, never library text. */

export const ERROR_CODES = [
  'input_invalid',
  'password_weak',
  'password_too_long',
  'envelope_rejected',
  'key_unknown',
  'key_disabled',
  'key_exists',
  'key_state_refused',
  'policy_refused',
  'secret_unknown',
  'secret_exists',
  'human_declined',
  'human_timeout',
  'path_refused',
  'file_exists',
  'rate_limited',
  'timeout',
  'cancelled',
  'engine_unavailable',
  'audit_unavailable',
  'storage_unavailable',
  'storage_damaged',
  'master_key_wrong',
  'internal',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

export interface SecurityErrorOptions {
  /** What to do next, in one sentence. */
  hint: string;
  /** Whole seconds after which the same call may be tried again. */
  retryAfterSeconds?: number;
  /** What went wrong underneath. Goes to the operator's log without its message; never to the caller. */
  cause?: unknown;
}

/** A refusal that the caller may see whole. `message` and `hint` are constants of this program: they never hold input. */
export class SecurityError extends Error {
  override readonly name = 'SecurityError';
  readonly code: ErrorCode;
  readonly hint: string;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, options: SecurityErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** A refusal of one input field. `problem` completes the sentence "<field> ..." and must not hold the value. */
export function inputInvalid(field: string, problem: string, hint: string): SecurityError {
  return new SecurityError('input_invalid', `${field} ${problem}.`, { hint });
}
