import { expect, it } from 'vitest';
import type { ConversationDetail } from '../../protocol/rows.ts';
import { formatHour } from '../../wording/times.ts';
import { contextWindow, styleBranches } from './branches.ts';

it('names and colours branches in order; sub-tasks are grey', () => {
  const ids = [
    'main',
    'subtask_1',
    'branch_20261123091405',
    'compact_110233',
    ...[1, 2, 3, 4].map((n) => `branch_2026112309140${n}`),
  ];
  const requests = ids.map((branchId) => ({ branchId, timestamp: '2026-11-23T09:00:00.000Z' }));
  const styles = styleBranches({ branches: [], requests } as unknown as ConversationDetail);
  expect([...styles.values()].map((style) => `${style.kind} ${style.colour}/${style.pattern}`)).toEqual([
    'main 0/0',
    'subtask -1/0',
    'branch 1/0',
    'compact 2/0',
    'branch 3/0',
    'branch 4/0',
    'branch 5/0',
    'branch 0/1',
  ]);
  expect([...styles.values()].slice(0, 4).map((style) => style.label)).toEqual([
    'main',
    'sub-task 1',
    `branch ${formatHour(Date.UTC(2026, 10, 23, 9, 14, 5))}`,
    `compaction ${formatHour(Date.UTC(2026, 10, 23, 11, 2, 33))}`,
  ]);
});

it.each([
  [[], 200_000],
  [[12_000, 200_000], 200_000],
  [[12_000, 200_001], 1_000_000],
])('assumes a context window for %j', (tokens, expected) => {
  expect(contextWindow(tokens)).toBe(expected);
});
