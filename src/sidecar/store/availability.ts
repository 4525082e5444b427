import { NexusError } from '../errors.ts';

/** SQLSTATE classes: connection lost, server stopping or starting, out of resources (disk full, too many clients). */
const STATES = /^(?:08|57P|53)/;
const CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOSPC',
]);
const MESSAGES =
  /connection terminated|connection error|timeout exceeded when trying to connect|not queryable|pglite is closed|instance is already closed|driver has already been destroyed/i;

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
  return MESSAGES.test(error.message) || isUnavailable(error.cause);
}
