import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasHidden, plainTerminal, showInvisible } from './visible-text.ts';

const ESC = String.fromCharCode(27);

describe('plainTerminal', () => {
  it.each([
    [`${ESC}[1;31mFAIL${ESC}[0m test`, 'FAIL test'],
    [`a\r\nb`, 'a\nb'],
    [`${ESC}[2Jgone`, '␛[2Jgone'],
    [`${ESC}]8;;http://evil.example${String.fromCharCode(7)}link`, '␛]8;;http://evil.example␇link'],
    ['50 %\r60 %', '50 %␍60 %'],
    ['a\tb\nc', 'a\tb\nc'],
  ])('%j → %j', (input, expected) => {
    expect(plainTerminal(input)).toBe(expected);
  });
});

describe('showInvisible', () => {
  it.each([
    ['abc\u202egpj.exe', 'abc⟨U+202E⟩gpj.exe'],
    ['pass\u200bword', 'pass⟨U+200B⟩word'],
    ['\u{e0041}', '⟨U+E0041⟩'],
    ['👩\u200d💻', '👩\u200d💻'],
    ['a\u200db', 'a⟨U+200D⟩b'],
    ['plain', 'plain'],
  ])('%j → %j', (input, expected) => {
    expect(showInvisible(input)).toBe(expected);
  });
});

it('leaves nothing hidden, whatever the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => !hasHidden(plainTerminal(text))),
  );
});
