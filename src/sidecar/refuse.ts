import type { ServerResponse } from 'node:http';
import { toProblem } from './api/problem.ts';
import type { NexusError } from './errors.ts';

/**
 * Answers a request that did not get past the door: problem details on our own paths, Anthropic's error shape on the
 * upstream's, so that a Claude client shows the sentence.
 */
export function refuseAtDoor(response: ServerResponse, refusal: NexusError, own: boolean): void {
  const body = own
    ? JSON.stringify(toProblem(refusal))
    : JSON.stringify({
        type: 'error',
        error: { type: 'permission_error', message: `Claude Nexus: ${refusal.message}` },
      });
  // The request's body is not read: the connection cannot be used for another one.
  response.writeHead(refusal.status, {
    'content-type': own ? 'application/problem+json' : 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...(refusal.retryAfterSeconds === undefined ? {} : { 'retry-after': String(refusal.retryAfterSeconds) }),
    connection: 'close',
  });
  response.end(body);
}
