import { headerValue } from './headers.ts';

/** How often and after which time something is tried again. */
export interface RetryPolicy {
  /** Tries in all, the first one included. */
  tries: number;
  /** The wait before the second try, ms; each later one is twice as long. */
  firstMs: number;
  /** The longest wait, ms. */
  capMs: number;
}

/** Exponential backoff with jitter: between half of it and all of it. `failures` so far, from 1; 0 ≤ `random` < 1. */
export function backoffMs({ firstMs, capMs }: RetryPolicy, failures: number, random: number): number {
  return Math.min(capMs, firstMs * 2 ** (failures - 1)) * (0.5 + random / 2);
}

/**
 * How long to wait before an answer of this status is asked for again, in ms; null: it is to be passed on. Only what the
 * upstream failed at is repeated (5xx, 529), never what it refused (429 is the client's to wait for), nor what it asks
 * not to repeat (`x-should-retry: false`), nor what it wants to wait longer for than the policy does.
 */
export function retryAfterMs(
  policy: RetryPolicy,
  answer: { status: number; rawHeaders: readonly string[] },
  failures: number,
  random: number,
  now: number,
): number | null {
  const { status, rawHeaders } = answer;
  if (failures >= policy.tries || status < 500 || status === 501 || status === 505) return null;
  if (headerValue(rawHeaders, 'x-should-retry') === 'false') return null;
  const asked = askedWaitMs(rawHeaders, now);
  if (asked === null) return backoffMs(policy, failures, random);
  return asked > policy.capMs ? null : asked;
}

/** `retry-after-ms`, or `retry-after` in seconds or as a date; null when there is none that makes sense. */
function askedWaitMs(rawHeaders: readonly string[], now: number): number | null {
  const ms = headerValue(rawHeaders, 'retry-after-ms');
  if (ms !== null && /^\d{1,12}(?:\.\d+)?$/.test(ms)) return Number(ms);
  const after = headerValue(rawHeaders, 'retry-after');
  if (after === null) return null;
  if (/^\d{1,9}(?:\.\d+)?$/.test(after)) return Number(after) * 1000;
  const at = Date.parse(after);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}
