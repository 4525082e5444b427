import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Throttle } from './throttle.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('takes requests together, and one run at a time', async () => {
  const gate = Promise.withResolvers<undefined>();
  let runs = 0;
  const throttle = new Throttle(async () => {
    runs += 1;
    if (runs === 1) await gate.promise;
  }, 100);
  throttle.request();
  throttle.request();
  expect(runs).toBe(0);
  await vi.advanceTimersByTimeAsync(100);
  expect(runs).toBe(1);
  throttle.request();
  throttle.request();
  await vi.advanceTimersByTimeAsync(1000);
  expect(runs).toBe(1);
  gate.resolve(undefined);
  await vi.advanceTimersByTimeAsync(1000);
  expect(runs).toBe(2);
});

it('is not starved by a steady stream', async () => {
  let runs = 0;
  const throttle = new Throttle(() => {
    runs += 1;
    return Promise.resolve();
  }, 100);
  for (let step = 0; step < 20; step += 1) {
    throttle.request();
    await vi.advanceTimersByTimeAsync(50);
  }
  expect(runs).toBeGreaterThanOrEqual(9);
});

it('does nothing once disposed', async () => {
  let runs = 0;
  const throttle = new Throttle(() => {
    runs += 1;
    return Promise.resolve();
  }, 100);
  throttle.request();
  throttle.dispose();
  throttle.request();
  await vi.advanceTimersByTimeAsync(1000);
  expect(runs).toBe(0);
});
