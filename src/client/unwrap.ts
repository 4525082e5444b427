import type { ClientResponse } from 'hono/client';
import { problem, type ProblemCode } from '../protocol/problem.ts';

/** The sidecar said no, and why: `detail` is a sentence for the user. */
export class ProblemError extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  readonly detail: string;
  readonly issues: { path: string; message: string }[];

  constructor(
    code: ProblemCode,
    status: number,
    detail: string,
    issues: { path: string; message: string }[],
  ) {
    super(detail);
    this.name = 'ProblemError';
    this.code = code;
    this.status = status;
    this.detail = detail;
    this.issues = issues;
  }
}

/** The JSON of a good answer (null where it has no body); throws `ProblemError` for any other. */
export async function unwrap<T>(answer: ClientResponse<T> | Promise<ClientResponse<T>>): Promise<T> {
  const response = await answer;
  if (response.status === 204) return null as T;
  if (response.ok) return (await response.json()) as T;
  const parsed = problem.safeParse(await response.json().catch(() => null));
  if (!parsed.success) {
    throw new ProblemError(
      'internal',
      response.status,
      `The sidecar answered ${String(response.status)}.`,
      [],
    );
  }
  const { code, status, detail, issues } = parsed.data;
  throw new ProblemError(code, status, detail, issues ?? []);
}
