import { describe, expect, test } from 'vitest';
import { normaliseBlock } from './block-form.ts';
import { readBlock } from './content-block.ts';

const LONG = 'source code → '.repeat(60);
const result = (content: unknown, more = {}): Buffer =>
  Buffer.from(JSON.stringify({ type: 'tool_result', tool_use_id: 'toolu_1', content, ...more }));
const withBytes = (...bytes: number[]): Buffer => {
  const block = result(`a${LONG}?b`);
  const at = block.indexOf('?');
  return Buffer.concat([block.subarray(0, at), Buffer.from(bytes), block.subarray(at + 1)]);
};

describe('a block read from its bytes has the form of its JSON', () => {
  /** `fast`: the form comes straight from the bytes. */
  const cases: [string, Buffer, boolean][] = [
    ['a long result', result(`x${LONG}y`), true],
    ['in ASCII', result('x'.repeat(2000)), false],
    ['short', result('→'), false],
    [
      'of texts',
      result([
        { type: 'text', text: `x${LONG}y` },
        { type: 'text', text: ' ' },
      ]),
      true,
    ],
    ['that failed', result(`x${LONG}y`, { is_error: true }), true],
    ['with reminders', result(`<system-reminder>é</system-reminder>\r\n x${LONG}y`), true],
    ['of nothing but reminders', result(`<system-reminder>${LONG}</system-reminder>`), true],
    ['that ends in a letter whose last byte looks like a space', result(`x${LONG}à`), false],
    ['that begins with a space beyond ASCII', result(`\u3000x${LONG}y`), false],
    ['with an escape', result(`x${LONG}\u001b[0m`), false],
    ['with half a pair', result(`x${LONG}\ud800y`), false],
    ['with an image', result([{ type: 'image', source: LONG }]), false],
    ['with an odd id', result(`x${LONG}y`, { tool_use_id: 'é' }), false],
    ['without an id', result(`x${LONG}y`, { tool_use_id: null }), false],
    ['with a name', result(`x${LONG}y`, { id: 'i', name: 'é' }), false],
    ['with a byte that is no letter', withBytes(0xff), false],
    ['with a cut letter', withBytes(0xe2, 0x86), false],
    ['a text', Buffer.from(JSON.stringify({ type: 'text', text: LONG })), false],
  ];
  test.each(cases)('%s', (_name, bytes, fast) => {
    const block = readBlock(bytes)!;
    const expected = normaliseBlock(JSON.parse(bytes.toString()) as unknown);
    expect(block.form?.toString() ?? normaliseBlock(block.json)).toBe(expected);
    expect(block.form !== undefined).toBe(fast);
  });

  test('what is no JSON is none', () => {
    for (const text of ['', '{', '{"a":"\\x"}', `{"type":"tool_result","content":"${LONG}`]) {
      expect(readBlock(Buffer.from(text))).toBeNull();
    }
  });
});
