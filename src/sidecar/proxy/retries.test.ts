import { describe, expect, test } from 'vitest';
import { backoffMs, retryAfterMs } from './retries.ts';

const policy = { tries: 4, firstMs: 1000, capMs: 30_000 };
const NOW = Date.parse('2026-11-26T12:00:00Z');

describe('the wait', () => {
  test.each([
    [1, 0, 500],
    [1, 0.5, 750],
    [2, 0, 1000],
    [3, 0.999, 3998],
    [20, 0, 15_000],
  ])('after %i failures, random %d: %d ms', (failures, random, expected) => {
    expect(backoffMs(policy, failures, random)).toBe(expected);
  });
});

describe('an answer', () => {
  const cases: [number, string[], number, number | null][] = [
    [500, [], 1, 500],
    [502, [], 2, 1000],
    [503, [], 1, 500],
    [504, [], 1, 500],
    [529, [], 1, 500],
    [529, [], 4, null],
    [200, [], 1, null],
    [401, [], 1, null],
    [429, ['retry-after', '1'], 1, null],
    [501, [], 1, null],
    [505, [], 1, null],
    [529, ['x-should-retry', 'false'], 1, null],
    [529, ['X-Should-Retry', 'true'], 1, 500],
    [529, ['Retry-After', '2'], 1, 2000],
    [529, ['Retry-After', '0'], 1, 0],
    [529, ['Retry-After', '31'], 1, null],
    [529, ['retry-after-ms', '120', 'retry-after', '31'], 1, 120],
    [503, ['Retry-After', 'Thu, 26 Nov 2026 12:00:05 GMT'], 1, 5000],
    [503, ['Retry-After', 'Thu, 26 Nov 2026 11:00:00 GMT'], 1, 0],
    [503, ['Retry-After', 'Thu, 26 Nov 2026 13:00:00 GMT'], 1, null],
    [503, ['Retry-After', 'soon'], 1, 500],
    [503, ['Retry-After', '-5x'], 1, 500],
  ];
  test.each(cases)('%i %j after %i tries: %j', (status, rawHeaders, failures, expected) => {
    expect(retryAfterMs(policy, { status, rawHeaders }, failures, 0, NOW)).toBe(expected);
  });
});
