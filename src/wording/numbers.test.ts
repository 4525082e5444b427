import { describe, expect, it } from 'vitest';
import { formatCost, formatCount, formatDuration, formatShare, formatTokens, plural } from './numbers.ts';

function check<T>(format: (value: T) => string, cases: [T, string][]): void {
  it.each(cases)('%s → %s', (value, expected) => {
    expect(format(value)).toBe(expected);
  });
}

describe('formatCount', () => {
  check(formatCount, [
    [0, '0'],
    [999, '999'],
    [1000, '1k'],
    [12_420, '12.4k'],
    [99_949, '99.9k'],
    [118_240, '118k'],
    [999_499, '999k'],
    [1_234_567, '1.2M'],
    [Number.NaN, '–'],
  ]);
});

describe('formatTokens', () => {
  check(formatTokens, [
    [1, '1 token'],
    [62_000, '62k tokens'],
  ]);
});

describe('formatCost', () => {
  check(formatCost, [
    [0, '$0.00'],
    [0.00001, '<$0.0001'],
    [0.0031, '$0.0031'],
    [0.031, '$0.031'],
    [0.03, '$0.03'],
    [0.842, '$0.84'],
    [12.3, '$12.30'],
  ]);
});

describe('formatDuration', () => {
  check(formatDuration, [
    [0, '0 ms'],
    [850, '850 ms'],
    [3100, '3.1 s'],
    [12_300, '12.3 s'],
    [48_000, '48 s'],
    [59_900, '1 min'],
    [18 * 60_000, '18 min'],
    [134 * 60_000, '2h 14m'],
    [120 * 60_000, '2h'],
    [76 * 3_600_000, '3d 4h'],
  ]);
});

describe('formatShare', () => {
  check(formatShare, [
    [0, '0 %'],
    [0.001, '1 %'],
    [0.94, '94 %'],
    [0.999, '99 %'],
    [1, '100 %'],
    [1.2, '120 %'],
  ]);
});

describe('plural', () => {
  check(
    (count: number) => plural(count, 'branch', 'branches'),
    [
      [1, '1 branch'],
      [3, '3 branches'],
    ],
  );
});
