/**
 * What goes wrong underneath, as errors of this product. Messages of drivers hold values, paths and addresses: only their
 * codes live on, in the cause.
 */

import { SecurityError } from '../crypto/errors.js';

/** What is left of a driver's error: its code and where it was thrown. A fault of this program where it stands alone. */
export class StoreFault extends Error {
  override readonly name = 'StoreFault';
  readonly code: string;

  constructor(error: unknown) {
    super('the store refused a statement');
    const { code } = (error ?? {}) as { code?: unknown };
    this.code = typeof code === 'string' && /^[A-Za-z0-9_]{1,64}$/.test(code) ? code.toUpperCase() : 'UNKNOWN';
    if (error instanceof Error && typeof error.stack === 'string')
      this.stack = `StoreFault\n${error.stack
        .replace(error.message, '')
        .split('\n')
        .filter((line) => line.startsWith('    at '))
        .join('\n')}`;
  }
}

function unavailable(message: string, hint: string, retryAfterSeconds?: number): (cause?: unknown) => SecurityError {
  return (cause) =>
    new SecurityError('storage_unavailable', message, {
      hint,
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
      ...(cause === undefined ? {} : { cause: new StoreFault(cause) }),
    });
}

function damaged(message: string, hint: string): (cause?: unknown) => SecurityError {
  return (cause) =>
    new SecurityError('storage_damaged', message, {
      hint,
      ...(cause === undefined ? {} : { cause: new StoreFault(cause) }),
    });
}

/** Every fault there is. What was committed before stays in each of them. */
export const faults = {
  busy: unavailable('The store is busy.', 'Try again in a few seconds.', 2),
  full: unavailable(
    'The disk of the store is full.',
    'Have the operator make room where SECURITY_MCP_HOME lies; what was stored before is kept.',
  ),
  readOnly: unavailable(
    'The store cannot be written: its folder or file is read-only.',
    'Have the operator make the folder of SECURITY_MCP_HOME writable, or name another one.',
  ),
  cannotOpen: unavailable(
    'The database file of the store cannot be opened.',
    'Have the operator check that the folder of SECURITY_MCP_HOME can be written, and run security-mcp doctor.',
  ),
  diskError: unavailable(
    'The disk of the store reports an error.',
    'Have the operator check the disk where SECURITY_MCP_HOME lies; what was stored before is kept.',
  ),
  noDriver: unavailable(
    'The database driver does not load.',
    'Have the operator install security-mcp again on this machine, with its platform packages.',
  ),
  noHome: unavailable(
    'There is no folder for the store.',
    'Have the operator set SECURITY_MCP_HOME to an absolute path.',
  ),
  damagedFile: damaged(
    'The database file of the store is damaged, or is no database.',
    'Have the operator keep security-mcp.db and the files beside it, and restore a backup.',
  ),
  unreachable: unavailable(
    'The database server does not answer.',
    'Have the operator check that the server of SECURITY_MCP_DATABASE_URL runs and can be reached from here; then call again.',
    2,
  ),
  refused: unavailable(
    'The database server refuses this user, password or database.',
    'Have the operator check SECURITY_MCP_DATABASE_URL and the rights of its user.',
  ),
  untrusted: unavailable(
    'No trusted encrypted connection to the database server can be made.',
    'Have the operator check sslmode and sslrootcert in SECURITY_MCP_DATABASE_URL and the certificate of the server.',
  ),
  badUrl: unavailable(
    'SECURITY_MCP_DATABASE_URL cannot be used.',
    'Have the operator check it: postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full, special characters as %XX, files that can be read.',
  ),
  serverFull: unavailable(
    'The database server is out of space, memory or connections.',
    'Have the operator make room on the server of SECURITY_MCP_DATABASE_URL; what was stored before is kept.',
  ),
  damagedServer: damaged(
    'The database server reports damaged data.',
    'Have the operator look into the log of the server and restore a backup.',
  ),
} as const;

/** By the primary result code (https://www.sqlite.org/rescode.html). */
const SQLITE: Readonly<Record<number, (cause?: unknown) => SecurityError>> = {
  3: faults.readOnly,
  5: faults.busy,
  6: faults.busy,
  8: faults.readOnly,
  10: faults.diskError,
  11: faults.damagedFile,
  13: faults.full,
  14: faults.cannotOpen,
  26: faults.damagedFile,
};

/** The primary result code, or undefined where the error is none of SQLite. */
export function sqliteCode(error: unknown): number | undefined {
  const { name, rawCode } = (error ?? {}) as { name?: unknown; rawCode?: unknown };
  return name === 'SqliteError' && typeof rawCode === 'number' ? rawCode & 0xff : undefined;
}

/** Errors of SQLite as ours; whatever else is thrown inside a transaction stays as it is. */
export function explainSqlite(error: unknown): unknown {
  const code = sqliteCode(error);
  if (code === undefined) return error;
  return SQLITE[code]?.(error) ?? new StoreFault(error);
}

/** SQLSTATE (five characters) or a code of Node's sockets and TLS. */
function codeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

/** Another transaction was in the way, and this one was undone whole: it may simply run again. */
export function isConflict(error: unknown): boolean {
  // serialization_failure, deadlock_detected
  return ['40001', '40P01'].includes(codeOf(error) ?? '');
}

/** What pg throws without a code, by the constant text of its messages. */
const LOST =
  /^(?:Connection terminated|Client (?:was closed|has encountered)|timeout (?:exceeded|expired)|Query read timeout|Postgres connection has been discarded)/;

/** The connection is gone, or never was. */
export function isLost(error: unknown): boolean {
  const code = codeOf(error);
  if (code === undefined) return error instanceof Error && LOST.test(error.message);
  return (
    /^(?:08...|57P0[1235])$/.test(code) ||
    /^(?:ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI_|EADDR|ENOENT$|EACCES$)/.test(code)
  );
}

/** Errors of PostgreSQL, its driver and the sockets underneath as ours; whatever else is thrown stays as it is. */
export function explainPostgres(error: unknown): unknown {
  if (error instanceof SecurityError) return error;
  if (isConflict(error)) return faults.busy(error);
  if (isLost(error)) return faults.unreachable(error);
  const code = codeOf(error);
  if (code === undefined)
    return error instanceof Error && /SSL|SASL|certificate/.test(error.message) ? faults.untrusted(error) : error;
  if (/^(?:28...|3D000|42501|3F000)$/.test(code)) return faults.refused(error);
  // lock_not_available, query_canceled, idle_in_transaction_session_timeout
  if (/^(?:55P03|57014|25P03)$/.test(code)) return faults.busy(error);
  if (/^53...$/.test(code)) return faults.serverFull(error);
  if (/^XX00[12]$/.test(code)) return faults.damagedServer(error);
  if (/^(?:ERR_TLS|ERR_SSL|CERT_|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|HOSTNAME|ERR_OSSL|EPROTO)/.test(code))
    return faults.untrusted(error);
  return /^[0-9A-Z]{5}$/.test(code) ? new StoreFault(error) : error;
}
