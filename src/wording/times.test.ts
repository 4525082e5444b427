import { describe, expect, it } from 'vitest';
import { branchTime, formatAge, formatAgo, formatClock, formatDay } from './times.ts';

const now = new Date(2026, 10, 23, 12, 0, 0).getTime();
const MINUTE = 60_000;

describe('formatAge', () => {
  it.each([
    [10_000, 'now', 'just now'],
    [4 * MINUTE, '4 min', '4 min ago'],
    [120 * MINUTE, '2 h', '2 h ago'],
    [3 * 1440 * MINUTE, '3 d', '3 d ago'],
    [40 * 1440 * MINUTE, '2026-10-14', 'on 2026-10-14'],
  ])('%d ms → %s', (age, short, long) => {
    expect(formatAge(now - age, now)).toBe(short);
    expect(formatAgo(now - age, now)).toBe(long);
  });
});

describe('formatDay', () => {
  it.each([
    [new Date(2026, 10, 23, 0, 1), 'Today'],
    [new Date(2026, 10, 22, 23, 59), 'Yesterday'],
    [new Date(2026, 10, 19, 8, 0), 'Thursday'],
    [new Date(2026, 10, 2, 8, 0), '2 November'],
    [new Date(2025, 10, 2, 8, 0), '2 November 2025'],
  ])('%s → %s', (time, expected) => {
    expect(formatDay(time.getTime(), now)).toBe(expected);
  });
});

describe('branchTime', () => {
  const near = Date.UTC(2026, 10, 23, 23, 0, 0);
  it.each([
    ['branch_20261123091405', Date.UTC(2026, 10, 23, 9, 14, 5)],
    ['branch_20261123091405_2', Date.UTC(2026, 10, 23, 9, 14, 5)],
    ['compact_110233', Date.UTC(2026, 10, 23, 11, 2, 33)],
    ['main', null],
    ['subtask_3', null],
  ])('%s', (id, expected) => {
    expect(branchTime(id, near)).toBe(expected);
  });
});

it('formats a clock time in the local zone', () => {
  expect(formatClock(new Date(2026, 0, 1, 9, 2, 5).getTime())).toBe('09:02:05');
});
