import fc from 'fast-check';
import { expect, test } from 'vitest';
import { commonPrefix, standsAt } from './common-prefix.ts';

test('finds the first byte that differs, wherever both begin', () => {
  fc.assert(
    fc.property(
      fc.nat(5000),
      fc.nat(3000),
      fc.nat(20),
      fc.nat(20),
      fc.boolean(),
      (length, at, a, b, differs) => {
        const one = Buffer.alloc(a + length, 'x');
        const other = Buffer.alloc(b + length + 7, 'x');
        if (differs && at < length) other[b + at] = 0;
        const expected = differs && at < length ? at : length;
        expect([commonPrefix(one, a, other, b), commonPrefix(other, b, one, a)]).toEqual([
          expected,
          expected,
        ]);
      },
    ),
  );
});

test('bytes stand where they are the same and whole', () => {
  const body = Buffer.from('{"tools":[1,2]}');
  const other = Buffer.from('[1,2]');
  expect(standsAt(body, 9, other, 0, 5)).toBe(true);
  expect(standsAt(body, 8, other, 0, 5)).toBe(false);
  expect(standsAt(body, 12, other, 0, 5)).toBe(false);
  expect(standsAt(body, 9, other, 0, 6)).toBe(false);
});
