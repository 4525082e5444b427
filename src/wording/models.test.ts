import { expect, it } from 'vitest';
import { shortModel } from './models.ts';

it.each([
  ['claude-haiku-4-5-20251001', 'haiku-4-5'],
  ['claude-opus-5-5', 'opus-5-5'],
  ['my-own-model', 'my-own-model'],
])('%s is short for %s', (model, expected) => {
  expect(shortModel(model)).toBe(expected);
});
