import { describe, expect, it } from 'vitest';
import { age, compact, exact, oneLine, plural, shortModel } from './wording.ts';

describe('compact counts', () => {
  it.each([
    [0, '0'],
    [999, '999'],
    [1000, '1k'],
    [12_449, '12.4k'],
    [62_000, '62k'],
    [99_949, '99.9k'],
    [99_951, '100k'],
    [999_499, '999k'],
    [999_500, '1M'],
    [1_234_567, '1.2M'],
  ])('%i → %s', (count, expected) => {
    expect(compact(count)).toBe(expected);
  });
});

describe('ages', () => {
  const minute = 60_000;
  it.each([
    [0, 'now'],
    [-5 * minute, 'now'],
    [59_999, 'now'],
    [4 * minute, '4 min'],
    [119 * minute, '1 h'],
    [24 * 60 * minute, '1 d'],
  ])('%i ms → %s', (ms, expected) => {
    expect(age(1_000_000_000 - ms, 1_000_000_000)).toBe(expected);
  });
});

it.each([
  ['claude-haiku-4-5-20251001', 'haiku-4-5'],
  ['claude-opus-5-5', 'opus-5-5'],
  ['my-own-model', 'my-own-model'],
])('%s is short for %s', (model, expected) => {
  expect(shortModel(model)).toBe(expected);
});

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

it('groups and counts', () => {
  expect(exact(1_234_567)).toBe('1,234,567');
  expect(plural(1, 'branch', 'branches')).toBe('1 branch');
  expect(plural(0, 'branch', 'branches')).toBe('0 branches');
});
