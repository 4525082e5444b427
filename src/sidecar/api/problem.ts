import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { $ZodIssue } from 'zod/v4/core';
import type { Problem } from '../../protocol/problem.ts';
import { badRequest, internalError, NexusError, reason } from '../errors.ts';
import type { Log } from '../log.ts';

/** An error as RFC 9457 problem details. Causes stay inside: only title and detail, which are written for users, leave. */
export function toProblem(error: NexusError): Problem {
  return {
    type: `urn:claude-nexus:problem:${error.code}`,
    title: error.title,
    status: error.status,
    detail: error.message,
    code: error.code,
    ...(error.issues === undefined || error.issues.length === 0 ? {} : { issues: error.issues }),
  };
}

/** The one place where what is thrown inside a route becomes an answer. */
export function problemResponse(error: unknown, context: Context, log: Log): Response {
  const known = asNexusError(error);
  if (known.code === 'internal') {
    const stack = error instanceof Error ? error.stack : undefined;
    log.error('A control API request failed', { path: context.req.path, error: reason(error), stack });
  }
  const headers: Record<string, string> = {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  };
  // The rest of the body is not read, so the connection is of no use any more.
  if (known.status === 413) headers['connection'] = 'close';
  if (known.retryAfterSeconds !== undefined) headers['retry-after'] = String(known.retryAfterSeconds);
  if (known.status === 401) headers['www-authenticate'] = 'Bearer';
  return new Response(JSON.stringify(toProblem(known)), { status: known.status, headers });
}

/** Hook of every `zValidator`: bad input is a 400 that names each field. */
export function refuseBadInput(
  result: { success: boolean; target: string } & (
    { success: true } | { error: { issues: readonly $ZodIssue[] } }
  ),
): void {
  if (!('error' in result)) return;
  const issues = result.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message }));
  const first = issues[0];
  const where = result.target === 'query' ? 'query' : 'request body';
  const what =
    first === undefined ? '' : `: ${first.path === '' ? '' : `\`${first.path}\` `}${first.message}`;
  throw badRequest(`The ${where} is not as it should be${what}.`, issues);
}

function asNexusError(error: unknown): NexusError {
  if (error instanceof NexusError) return error;
  // hono throws these itself, for a body that is not JSON.
  if (error instanceof HTTPException && error.status === 400) {
    return badRequest('The request body is not JSON.');
  }
  return internalError(error);
}
