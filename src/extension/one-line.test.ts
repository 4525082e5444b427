import { describe, expect, it } from 'vitest';
import { oneLine } from './one-line.ts';

describe('one line', () => {
  it.each([
    ['  two\n\tlines ', 'two lines'],
    ['abc\u202Etxt.exe', 'abc txt.exe'],
    ['a\u200Bb\u0007c', 'a b c'],
    ['Größe 日本 🙂', 'Größe 日本 🙂'],
  ])('%j → %j', (text, expected) => {
    expect(oneLine(text)).toBe(expected);
  });
});
