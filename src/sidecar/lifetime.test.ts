import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { watchLifetime } from './lifetime.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const limits = { windowMs: 60_000, trafficMs: 1_800_000 };

test('idle only when both times have passed', () => {
  const idle = vi.fn();
  watchLifetime(limits, () => false, idle);
  vi.advanceTimersByTime(limits.trafficMs - 1000);
  expect(idle).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1000);
  expect(idle).toHaveBeenCalledOnce();
});

test('traffic starts the wait anew', () => {
  const idle = vi.fn();
  const lifetime = watchLifetime(limits, () => false, idle);
  vi.advanceTimersByTime(1_000_000);
  lifetime.traffic();
  vi.advanceTimersByTime(limits.trafficMs - 1000);
  expect(idle).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1000);
  expect(idle).toHaveBeenCalledOnce();
});

test('an open exchange is traffic for as long as it takes', () => {
  const idle = vi.fn();
  let open = true;
  watchLifetime(limits, () => open, idle);
  vi.advanceTimersByTime(10 * limits.trafficMs);
  expect(idle).not.toHaveBeenCalled();
  open = false;
  vi.advanceTimersByTime(2 * limits.trafficMs);
  expect(idle).toHaveBeenCalledOnce();
});

test('a window keeps it alive until its last stream has gone', () => {
  const idle = vi.fn();
  const lifetime = watchLifetime({ windowMs: 60_000, trafficMs: 0 }, () => false, idle);
  const leaveFirst = lifetime.enterWindow('a');
  const leaveAgain = lifetime.enterWindow('a');
  expect(lifetime.windows()).toBe(1);
  vi.advanceTimersByTime(600_000);
  leaveFirst();
  expect(lifetime.windows()).toBe(1);
  vi.advanceTimersByTime(600_000);
  leaveAgain();
  expect(lifetime.windows()).toBe(0);
  vi.advanceTimersByTime(59_000);
  expect(idle).not.toHaveBeenCalled();
  vi.advanceTimersByTime(60_000);
  expect(idle).toHaveBeenCalledOnce();
});

test('without limits it only counts', () => {
  const idle = vi.fn();
  const lifetime = watchLifetime(null, () => false, idle);
  lifetime.enterWindow('a');
  vi.advanceTimersByTime(100 * limits.trafficMs);
  expect(idle).not.toHaveBeenCalled();
  expect(lifetime.windows()).toBe(1);
});
