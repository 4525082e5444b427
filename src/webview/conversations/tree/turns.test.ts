import { expect, it } from 'vitest';
import type { RequestRow } from '../../../protocol/rows.ts';
import { buildTurns, trouble, turnLabel } from './turns.ts';

/** `id<parent@branch`, `~` before the parent: a retry of it. */
function request(spec: string): RequestRow {
  const [, requestId = '', retry, parent, branchId = 'main'] =
    /^(\w+)(?:<(~?)(\w+))?(?:@(\w+))?$/.exec(spec) ?? [];
  return {
    requestId,
    branchId,
    parentRequestId: retry ? null : (parent ?? null),
    retryOf: retry ? parent : null,
    isSubtask: branchId.startsWith('subtask'),
  } as RequestRow;
}

function check(specs: string, expected: string[]): void {
  const { turns } = buildTurns({ requests: specs.split(' ').map(request), invocations: [] });
  expect(
    turns.map(
      (turn) => `${turn.number}:${turn.attempts.map((each) => each.requestId).join('+')}@${turn.branchId}`,
    ),
  ).toEqual(expected);
}

it.each([
  ['a b<a c<b', ['1:a@main', '2:b@main', '3:c@main']],
  ['a b<a b2<~b b3<~b2 c<b3', ['1:a@main', '2:b+b2+b3@main', '3:c@main']],
  ['a b<a c<a@branch_1 d<c@branch_1', ['1:a@main', '2:b@main', '2:c@branch_1', '3:d@branch_1']],
  ['a s<a@subtask_1 t<s@subtask_1', ['1:a@main', '1:s@subtask_1', '2:t@subtask_1']],
  ['a<gone b<b c<~gone', ['1:a@main', '1:b@main', '1:c@main']],
  ['a a', ['1:a@main']],
])('%s', check);

it.each([
  [
    { preview: 'fix it', asked: true, answerPreview: 'Read a.ts' },
    { text: 'fix it', asked: true },
  ],
  [
    { preview: 'Read', asked: false, answerPreview: 'Agent ×2' },
    { text: 'Agent ×2', asked: false },
  ],
  [
    { preview: 'Read', asked: false, answerPreview: '' },
    { text: 'Read', asked: false },
  ],
  [
    { preview: '', asked: false, answerPreview: '' },
    { text: 'no text', asked: false },
  ],
])('labels a turn by the words asked, else by what Claude did: %j', (row, expected) => {
  expect(turnLabel(row as RequestRow)).toEqual(expected);
});

it.each([
  [{ state: 'completed', responseStatus: 200 }, null],
  [{ state: 'failed', responseStatus: 529 }, '529'],
  [{ state: 'failed', responseStatus: null }, 'failed'],
  [{ state: 'aborted', responseStatus: 200 }, 'aborted'],
  [{ state: 'interrupted', responseStatus: null }, 'interrupted'],
] as const)('names trouble: %j', (row, expected) => {
  expect(trouble(row as RequestRow)).toBe(expected);
});
