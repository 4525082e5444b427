import { expect, test } from 'vitest';
import { evaluate, readKept } from './evaluate.ts';
import { losses, type Kept } from './kept.ts';

const kept: Kept = { pooled: { 'c/one': { parents: [4, 5], 'side calls': [2, 2] } } };
const now = (columns: Kept[string][string]): string[] => losses(kept, { pooled: { 'c/one': columns } });

test.each([
  ['the same', { parents: [4, 5], 'side calls': [2, 2] }, 0],
  ['better', { parents: [5, 5], 'side calls': [2, 2] }, 0],
  ['fewer right', { parents: [3, 5], 'side calls': [2, 2] }, 1],
  ['as many right, but more wrong', { parents: [4, 6], 'side calls': [2, 2] }, 1],
  ['a column that is gone', { parents: [4, 5] }, 1],
  ['a new column that is right', { parents: [4, 5], 'side calls': [2, 2], retries: [1, 1] }, 0],
  ['a new column that is wrong', { parents: [4, 5], 'side calls': [2, 2], retries: [0, 1] }, 1],
] as [string, Kept[string][string], number][])('%s', (_, columns, lost) => {
  expect(now(columns)).toHaveLength(lost);
});

test('a scenario or a way that is gone is lost, a new one that is right is not', () => {
  expect(losses(kept, { pooled: {} })).toHaveLength(2);
  expect(losses(kept, {})).toHaveLength(1);
  expect(losses({}, kept)).toHaveLength(1); // The one wrong parent of a scenario nobody has seen before.
  expect(losses(kept, { ...kept, alone: { 'c/one': { parents: [5, 5] } } })).toEqual([]);
});

test('nothing is lost since the kept result, and that is of the captures there are', () => {
  const { found } = evaluate();
  expect(losses(readKept(), found)).toEqual([]);
  expect(readKept()).toEqual(found);
});
