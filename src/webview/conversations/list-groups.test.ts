import { expect, it } from 'vitest';
import type { ConversationRow } from '../../protocol/rows.ts';
import { groupByDay, mergeFirstPage } from './list-groups.ts';

function row(id: string, time: Date): ConversationRow {
  return { conversationId: id, lastMessageTime: time.toISOString() } as ConversationRow;
}

const now = new Date(2026, 10, 23, 12, 0).getTime();
const a = row('a', new Date(2026, 10, 23, 11, 0));
const b = row('b', new Date(2026, 10, 23, 9, 0));
const c = row('c', new Date(2026, 10, 22, 9, 0));
const d = row('d', new Date(2026, 10, 20, 9, 0));

it('groups by day in order', () => {
  const groups = groupByDay([a, b, c], now).map((group) => [
    group.day,
    group.rows.map((each) => each.conversationId),
  ]);
  expect(groups).toEqual([
    ['Today', ['a', 'b']],
    ['Yesterday', ['c']],
  ]);
});

it.each([
  { known: [b, c, d], fresh: [a, b], hasMore: true, expected: ['a', 'b', 'c', 'd'] },
  { known: [a, b, c], fresh: [a, c], hasMore: false, expected: ['a', 'c'] },
  { known: [a, b, c, d], fresh: [a, c], hasMore: true, expected: ['a', 'c', 'd'] },
  { known: [a], fresh: [], hasMore: false, expected: [] },
])('merges a fresh first page: $expected', ({ known, fresh, hasMore, expected }) => {
  expect(mergeFirstPage(known, fresh, hasMore).map((each) => each.conversationId)).toEqual(expected);
});
