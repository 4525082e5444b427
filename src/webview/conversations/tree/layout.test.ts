import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ConversationDetail, RequestRow } from '../../../protocol/rows.ts';
import { styleBranches } from '../branches.ts';
import { layoutTree, METRICS, visibleItems, type TreeItem, type TreeLayout } from './layout.ts';
import { buildTurns } from './turns.ts';

interface Step {
  id: string;
  parent?: string;
  branch?: string;
}

function detailOf(
  steps: Step[],
  calls: { id: string; at: string; branch: string | null }[] = [],
): ConversationDetail {
  const requests = steps.map(
    ({ id, parent, branch = 'main' }): RequestRow =>
      ({
        requestId: id,
        parentRequestId: parent ?? null,
        retryOf: null,
        branchId: branch,
        isSubtask: branch.startsWith('subtask'),
        timestamp: '2026-11-23T09:00:00.000Z',
        messageCount: 1,
      }) as RequestRow,
  );
  const invocations = calls.map(({ id, at, branch }) => ({
    ...{ toolUseId: id, parentRequestId: at, branchId: branch, name: 'Agent', prompt: id, agentType: null },
    state: 'done' as const,
  }));
  return {
    requests,
    invocations,
    branches: [],
    sideCalls: [],
    conversation: {} as ConversationDetail['conversation'],
  };
}

function lay(detail: ConversationDetail, expanded: string[] = []): TreeLayout {
  return layoutTree(buildTurns(detail), styleBranches(detail), { expanded: new Set(expanded) });
}

function lane(item: TreeItem): number {
  return Math.round((item.x - METRICS.gutter - METRICS.lane / 2) / METRICS.lane);
}

/** `a0 b0 c1`: key and column of each row. */
function rows(layout: TreeLayout): string {
  return layout.items
    .map((item) =>
      item.kind === 'turn'
        ? `${item.key}${item.level > 1 ? '>' : lane(item)}`
        : item.kind === 'joint'
          ? '◇'
          : `[${item.label}]`,
    )
    .join(' ');
}

const FORKED: Step[] = [
  { id: 'a' },
  { id: 'b', parent: 'a' },
  { id: 'c', parent: 'a', branch: 'branch_20261123090000' },
  { id: 'd', parent: 'b' },
];
const TASKS: Step[] = [
  { id: 'a' },
  { id: 's', parent: 'a', branch: 'subtask_1' },
  { id: 't', parent: 's', branch: 'subtask_1' },
  { id: 'b', parent: 'a' },
];
const CALLS = [
  { id: 'x', at: 'a', branch: 'subtask_1' },
  { id: 'y', at: 'a', branch: 'subtask_2' },
];

describe('layoutTree', () => {
  it.each([
    ['one column', lay(detailOf([{ id: 'a' }, { id: 'b', parent: 'a' }])), 'a0 b0'],
    ['a branch has its own column', lay(detailOf(FORKED)), 'a0 b0 c1 d0'],
    [
      'a compaction has a joint',
      lay(detailOf([{ id: 'a' }, { id: 'b', parent: 'a', branch: 'compact_090000' }])),
      'a0 ◇ b1',
    ],
    ['sub-tasks are boxes', lay(detailOf(TASKS, CALLS)), 'a0 [sub-task 1 (1)] [sub-task 2 (0)] b0'],
    [
      'opened in place',
      lay(detailOf(TASKS, CALLS), ['subtask_1']),
      'a0 [sub-task 1 (1)] s> t> [sub-task 2 (0)] b0',
    ],
    ['a sub-task without a known call', lay(detailOf(TASKS)), 'a0 [sub-task 1 (1)] b0'],
    ['nothing', lay(detailOf([])), ''],
  ])('%s', (_name, layout, expected) => {
    expect(rows(layout)).toBe(expected);
  });

  it('marks branch points, not compactions or sub-tasks', () => {
    const forks = (layout: TreeLayout): string[] =>
      layout.items.flatMap((item) => (item.kind === 'turn' && item.forks ? [item.key] : []));
    expect(forks(lay(detailOf(FORKED)))).toEqual(['a']);
    expect(forks(lay(detailOf(TASKS, CALLS)))).toEqual([]);
  });

  it('joins a box to its turn by a horizontal end, 150 px to the right', () => {
    const layout = lay(detailOf(TASKS, CALLS));
    const turn = layout.items.find((item) => item.key === 'a');
    const box = layout.items.find((item) => item.kind === 'task');
    expect((box?.x ?? 0) - (turn?.x ?? 0)).toBe(150);
    expect(
      layout.edges.filter((edge) => edge.kind === 'task').every((edge) => edge.path.endsWith(`H${box?.x}`)),
    ).toBe(true);
  });
});

/** Random histories: every turn continues an earlier one, on its branch or a new one. */
const history = fc
  .array(fc.record({ parent: fc.nat(), fork: fc.nat({ max: 4 }) }), { minLength: 1, maxLength: 60 })
  .map((picks) =>
    picks.reduce<Step[]>((steps, pick, index) => {
      const parent = steps[pick.parent % Math.max(1, steps.length)];
      const branch = pick.fork === 0 ? `branch_${index}` : (parent?.branch ?? 'main');
      return [...steps, { id: `t${index}`, branch, ...(parent ? { parent: parent.id } : {}) }];
    }, []),
  );

it('never lets rows overlap, and draws an edge for every turn with a parent', () => {
  fc.assert(
    fc.property(history, (steps) => {
      const layout = lay(detailOf(steps));
      layout.items.forEach((item, index) => {
        const next = layout.items[index + 1];
        expect(next === undefined || item.y + item.height <= next.y).toBe(true);
      });
      expect(layout.items).toHaveLength(steps.length);
      expect(layout.edges).toHaveLength(steps.filter((step) => step.parent !== undefined).length);
    }),
    { numRuns: 50 },
  );
});

it('finds exactly the rows in view', () => {
  const { items } = lay(detailOf(Array.from({ length: 40 }, (_value, index) => ({ id: `t${index}` }))));
  const seen = visibleItems(items, 100, 200);
  expect(seen).toEqual(items.filter((item) => item.y + item.height >= 100 && item.y <= 200));
});
