import { NexusError } from '../errors.ts';

/**
 * SQLSTATEs that say nothing about the statement: connection lost (08), server stopping or starting (57P), cancelled by
 * a time limit (57014), out of resources (53: disk full, too many clients), system errors (58), credentials or rights
 * that were changed (28, 42501), a database or schema that was dropped (3D, 3F, 42P01) or is read-only for now (25006).
 */
const STATES = /^(?:08|57P|57014|53|58|28|3D|3F|25006|42501|42P01)/;
/** Deadlock, serialization failure, lock not available: somebody else was quicker. */
const CONTENTION = /^(?:40P01|40001|55P03)$/;
const CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ECONNABORTED',
  'ENOSPC',
  'EDQUOT',
  'EFBIG',
  'EIO',
  'EROFS',
]);
/** PostgreSQL has a SQLSTATE for a full disk, but none for a quota or a limit: those come as internal errors. */
const DISK =
  /no space left on device|disk quota exceeded|file too large|read-only file system|input\/output error/i;
const MESSAGES =
  /connection terminated|connection error|timeout exceeded when trying to connect|query read timeout|not queryable|pglite is closed|instance is already closed|driver has already been destroyed|cannot use a pool after calling end/i;
/**
 * A prepared statement that a schema change (another process's migration) or a DISCARD has made unusable fails again
 * and again on its connection, and works on a new one.
 */
const STALE = /cached plan must not change result type|prepared statement "[^"]*" does not exist/i;

/**
 * True when an error says that the database is away, and nothing about the statement: to be tried again until it is
 * back. A WebAssembly trap leaves an embedded database that answers nothing more: it is opened anew.
 */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof NexusError) return error.code === 'database_unavailable';
  if (!(error instanceof Error)) return false;
  if (error.name === 'RuntimeError') return true;
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string' && (STATES.test(code) || CODES.has(code))) return true;
  return [MESSAGES, DISK, STALE].some((known) => known.test(error.message)) || isUnavailable(error.cause);
}

/** True when a transaction lost against another one at the same time: done again, it succeeds. */
export function isContention(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as { code?: unknown }).code;
  return (typeof code === 'string' && CONTENTION.test(code)) || isContention(error.cause);
}
