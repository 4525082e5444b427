import type { IncomingMessage, ServerResponse } from 'node:http';
import { discardBody } from './body.ts';
import { failureBody, type Failure } from './failure.ts';
import { hasBody } from './headers.ts';

/** The raw header list and the body of an answer of our own. */
export interface OwnAnswer {
  rawHeaders: string[];
  body: Buffer;
}

/** What a client is told of a failure of ours. `last`: the connection ends with this answer. */
export function ownAnswer(failure: Failure, requestId: string | null, last: boolean): OwnAnswer {
  const body = failureBody(failure, requestId);
  const rawHeaders = ['Content-Type', 'application/json', 'Content-Length', String(body.length)];
  if (requestId !== null) rawHeaders.push('x-nexus-request-id', requestId);
  if (failure.status === 401) rawHeaders.push('WWW-Authenticate', 'Bearer');
  if (failure.retryAfterSeconds !== undefined) {
    rawHeaders.push('Retry-After', String(failure.retryAfterSeconds));
  }
  if (last) rawHeaders.push('Connection', 'close');
  return { rawHeaders, body };
}

/**
 * Sends an answer of our own while the client may still be sending its body: the answer goes at once, the rest of the
 * body is read and thrown away, and only then does the response end (ending it earlier would reset the connection
 * under a client that has not read it yet).
 */
export function respond(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  answer: OwnAnswer,
): void {
  response.sendDate = false;
  response.writeHead(status, answer.rawHeaders);
  if (request.complete || !hasBody(request.rawHeaders)) {
    response.end(answer.body);
    return;
  }
  response.write(answer.body);
  discardBody(request, (whole) => {
    if (response.destroyed) return;
    response.end();
    if (!whole) request.socket.destroySoon();
  });
}
