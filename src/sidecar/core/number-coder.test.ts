import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CONTEXTS, NumberReader, NumberWriter } from './number-coder.ts';

type Said = { context: number; value: number } | { bytes: Uint8Array };

function check(said: Said[]): number {
  const writer = new NumberWriter();
  for (const one of said) {
    if ('bytes' in one) writer.bytes(Buffer.from(one.bytes));
    else writer.number(one.context, one.value);
  }
  const packed = writer.finish();
  const reader = new NumberReader(packed);
  for (const one of said) {
    if ('bytes' in one) expect(reader.bytes(Buffer.alloc(0))).toEqual(Buffer.from(one.bytes));
    else expect(reader.number(one.context, 0)).toBe(one.value);
  }
  return packed.length;
}

const numbers = (values: number[], context = 0): Said[] => values.map((value) => ({ context, value }));

describe('numbers', () => {
  test('of every size come back', () => {
    const powers = Array.from({ length: 53 }, (_, n) => 2 ** n);
    check(numbers([0, ...powers.flatMap((power) => [power - 1, power, power + 1]), Number.MAX_SAFE_INTEGER]));
  });

  test('any sequence of numbers and bytes comes back', () => {
    const value = fc.oneof(fc.nat(20), fc.nat(100_000), fc.maxSafeNat());
    const number = fc.record({ context: fc.nat(CONTEXTS - 1), value });
    const bytes = fc.uint8Array({ maxLength: 40 }).map((found) => ({ bytes: found }));
    fc.assert(
      fc.property(fc.array(fc.oneof({ weight: 5, arbitrary: number }, bytes), { maxLength: 300 }), (said) => {
        check(said);
      }),
    );
  });

  test.each([
    ['nothing', [], 0],
    ['a thousand equal numbers', numbers(Array.from({ length: 1000 }, () => 7)), 25],
    ['a thousand of two values in turn', numbers(Array.from({ length: 1000 }, (_, n) => n % 2)), 150],
  ])('%s need few bytes', (_name, said, most) => {
    expect(check(said)).toBeLessThanOrEqual(most);
  });

  test('whatever is read gives numbers', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const reader = new NumberReader(bytes);
        for (let n = 0; n < 50; n++) expect(reader.number(n % CONTEXTS, 0)).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
