import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { codeCuts, type Cut } from './cuts.ts';
import { NumberReader, NumberWriter } from './number-coder.ts';

function check(cuts: Cut[], ends: number[], most = Number.POSITIVE_INFINITY): void {
  const writer = new NumberWriter();
  codeCuts(writer, cuts, ends);
  const packed = writer.finish();
  expect(codeCuts(new NumberReader(packed), [], ends)).toEqual(cuts);
  expect(packed.length).toBeLessThanOrEqual(most);
}

describe('cuts', () => {
  test.each<[string, Cut[], number[]]>([
    ['none', [], [10]],
    ['an empty chunk', [{ length: 0, offsetMs: 0 }], []],
    [
      'chunks without events',
      [
        { length: 1, offsetMs: 20.5 },
        { length: 70_000, offsetMs: 20.5 },
        { length: 127, offsetMs: 599_999.9 },
        { length: 0, offsetMs: 599_999.9 },
        { length: 128, offsetMs: 3_600_000 },
      ],
      [],
    ],
    [
      'chunks that end within events',
      [
        { length: 5, offsetMs: 1 },
        { length: 5, offsetMs: 2 },
        { length: 1, offsetMs: 2 },
        { length: 30, offsetMs: 3 },
        { length: 0, offsetMs: 4 },
        { length: 100, offsetMs: 5 },
      ],
      [10, 12, 20, 50],
    ],
  ])('%s come back', (_name, cuts, ends) => {
    check(cuts, ends);
  });

  test('one event a chunk at a steady pace needs next to nothing', () => {
    const ends = Array.from({ length: 500 }, (_, n) => (n + 1) * 100 + (n % 7));
    const cuts = ends.map((end, n) => ({ length: end - (ends[n - 1] ?? 0), offsetMs: 900 + n / 2 }));
    check(cuts, ends, 60);
  });

  test('any cuts come back', () => {
    const cut = fc.record({ length: fc.nat(60), offsetMs: fc.nat(50_000) });
    const ends = fc.array(fc.nat(400)).map((found) => found.sort((a, b) => a - b));
    fc.assert(
      fc.property(fc.array(cut), ends, (found, at) => {
        let offsetMs = 0;
        check(
          found.map(({ length, offsetMs: gap }) => ({ length, offsetMs: (offsetMs += gap) / 10 })),
          at,
        );
      }),
    );
  });
});
