import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeRun, encodeRun, joinRun, partRun } from './run-bytes.ts';
import type { ChainItem } from './split.ts';

const signature = (bytes: number): string => randomBytes(bytes).toString('base64');
const thinking = (said: string, signed: string): Buffer =>
  Buffer.from(JSON.stringify({ type: 'thinking', thinking: said, signature: signed }));
const one = (block: Buffer): ChainItem[] => [{ shell: null, block }];

it.each([
  ['a signature', thinking('é 😀', signature(300)), 300],
  ['redacted thinking', Buffer.from(`{"type":"redacted_thinking","data":"${signature(500)}"}`), 500],
  [
    'two of them',
    Buffer.from(`[${thinking('a', signature(99)).toString()},${thinking('b', signature(100)).toString()}]`),
    199,
  ],
  ['a short one', thinking('a', signature(30)), 0],
  ['none', Buffer.from('{"type":"text","text":"hello"}'), 0],
  // What does not come back from its bytes stays.
  ['base64 with bits left over', thinking('a', `${'A'.repeat(85)}B==`), 0],
  ['base64 without its end', thinking('a', 'A'.repeat(70)), 0],
  ['a byte like the hole', Buffer.concat([thinking('a', signature(99)), Buffer.from([1])]), 0],
])('%s', (_what, block, cut) => {
  const encoded = encodeRun(one(block));
  expect(encoded.cut).toHaveLength(cut);
  expect(decodeRun(encoded)).toEqual(one(block));
});

const anyBlock = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc
    .tuple(fc.string(), fc.integer({ min: 0, max: 200 }))
    .map(([said, bytes]) => thinking(said, signature(bytes))),
);
const anyItems = fc.array(
  fc.record({
    shell: fc.option(fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))),
    block: anyBlock,
  }),
);

it('any items come back from their bytes, whatever they are put together with', () => {
  fc.assert(
    fc.property(anyItems, anyItems, (these, those) => {
      const encoded = encodeRun(these);
      expect(decodeRun(partRun(joinRun(encoded, encoded.text), (packed) => packed))).toEqual(these);
      // A dictionary is made of items wherever their runs begin.
      const other = encodeRun(those);
      expect(encodeRun([...these, ...those])).toEqual({
        text: Buffer.concat([encoded.text, other.text]),
        cut: Buffer.concat([encoded.cut, other.cut]),
      });
    }),
  );
});

it('damaged bytes are refused, not read as something else', () => {
  const { text, cut } = encodeRun([{ shell: Buffer.from('shell'), block: thinking('a', signature(200)) }]);
  for (let length = 1; length < text.length; length++) {
    expect(() => decodeRun({ text: text.subarray(0, length), cut })).toThrow('damaged');
  }
  expect(() => decodeRun({ text, cut: cut.subarray(1) })).toThrow('damaged');
  expect(() => decodeRun({ text, cut: Buffer.concat([cut, cut]) })).toThrow('damaged');
});
