import { expect, test, vi } from 'vitest';
import { Tidy } from './tidy.ts';

const MB = 1024 * 1024;

test('garbage is collected when there is much more than there was', () => {
  let used = 100 * MB;
  const collect = vi.fn(() => (used -= 10 * MB));
  const tidy = new Tidy(() => used, collect);
  tidy.run();
  used += 15 * MB;
  tidy.run();
  expect(collect).not.toHaveBeenCalled();
  used += 2 * MB;
  tidy.run();
  expect(collect).toHaveBeenCalledTimes(1);
  // What is left counts as wanted from now on.
  used += 15 * MB;
  tidy.run();
  expect(collect).toHaveBeenCalledTimes(1);
});

test('what V8 has collected itself counts, too', () => {
  let used = 100 * MB;
  const collect = vi.fn();
  const tidy = new Tidy(() => used, collect);
  tidy.run();
  used = 50 * MB;
  tidy.run();
  used = 70 * MB;
  tidy.run();
  expect(collect).toHaveBeenCalledTimes(1);
});

test('a thread without a collector is left to V8', () => {
  let used = 0;
  const tidy = new Tidy(() => (used += 100 * MB), undefined);
  expect(() => {
    tidy.run();
    tidy.run();
  }).not.toThrow();
});
