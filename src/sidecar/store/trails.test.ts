import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { extendTrail, lastBytes, LONGEST_TRAIL, newTrail, Trails, type Trail } from './trails.ts';

const bytes = (text: string): Buffer => Buffer.from(text);

it('grows by what comes, and begins anew after 64 runs', () => {
  let trail: Trail = newTrail({ key: bytes('k'), depth: 7 });
  expect(trail).toEqual({ from: 7, runs: 0, bytes: bytes('') });
  trail = extendTrail(trail, bytes('one '), 9);
  trail = extendTrail(trail, bytes('two'), 10);
  expect(trail).toEqual({ from: 7, runs: 2, bytes: bytes('one two') });
  for (let run = 3; run <= 64; run++) trail = extendTrail(trail, bytes('.'), 8 + run);
  expect(trail).toEqual({ from: 72, runs: 0, bytes: bytes('') });
});

it('keeps what a dictionary can hold', () => {
  const parts = [randomBytes(20_000), randomBytes(10_000), randomBytes(9000)];
  expect(lastBytes(parts)).toEqual(Buffer.concat(parts).subarray(-LONGEST_TRAIL));
  expect(lastBytes([])).toEqual(Buffer.alloc(0));
});

it('forgets the end that was not used for the longest time, and keeps tenants apart', () => {
  const trails = new Trails();
  const trail = newTrail(null);
  for (let n = 0; n < 96; n++) trails.add('a', bytes(String(n)), trail);
  trails.add('a', bytes('0'), trail);
  trails.add('a', bytes('new'), trail);
  expect(trails.get('a', bytes('0'))).toBe(trail);
  expect(trails.get('a', bytes('1'))).toBeNull();
  expect(trails.get('b', bytes('0'))).toBeNull();
});
