import type { TypedResponse } from 'hono';
import { notFound } from '../errors.ts';

/**
 * A store answer (UTF-8 JSON made in the recorder's thread) as a response, with its type for the client. The bytes
 * are passed on unparsed: a large exchange would block the proxy's thread for tens of milliseconds.
 */
export function jsonBytes<T>(bytes: Uint8Array): Response & TypedResponse<T, 200, 'json'> {
  // Store answers are transferred whole, never views of shared memory.
  const response = new Response(bytes as Uint8Array<ArrayBuffer>, {
    headers: { 'content-type': 'application/json' },
  });
  return response as Response & TypedResponse<T, 200, 'json'>;
}

/** The same where the store may say `null`: then 404, naming what was asked for. */
export function foundBytes<T>(bytes: Uint8Array, what: string): Response & TypedResponse<T, 200, 'json'> {
  if (isNull(bytes)) throw notFound(what);
  return jsonBytes<T>(bytes);
}

/** A small store answer whose content decides over the status. */
export function parsed(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes).toString());
}

/** The same where the store may say `null`: then 404, naming what was asked for. */
export function found(bytes: Uint8Array, what: string): unknown {
  if (isNull(bytes)) throw notFound(what);
  return parsed(bytes);
}

/** The store's answer for an unknown id. */
export function isNull(bytes: Uint8Array): boolean {
  return bytes.length === 4 && Buffer.from(bytes).toString('latin1') === 'null';
}
