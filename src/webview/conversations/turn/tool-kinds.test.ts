import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldText } from './folding.ts';
import { checkImage } from './image-bytes.ts';
import { countChanges, diffLines } from './line-diff.ts';
import { compareLists } from './prompt-changes.ts';
import { outcomeOf, shortPath, viewTool } from './tool-kinds.ts';

const call = (name: string, input: unknown): ReturnType<typeof viewTool> =>
  viewTool({ id: 't', name, input });

describe('viewTool', () => {
  it.each([
    [
      'Edit',
      { file_path: '/a/b/c/d.ts', old_string: 'x\ny', new_string: 'x\nz' },
      { kind: 'diff', title: '…/b/c/d.ts', added: 1, removed: 1 },
    ],
    [
      'Write',
      { file_path: 'd.ts', content: 'x\ny\n' },
      { kind: 'diff', title: 'd.ts', added: 2, removed: 0 },
    ],
    [
      'MultiEdit',
      {
        file_path: 'd',
        edits: [
          { old_string: 'a', new_string: 'b' },
          { old_string: 'c', new_string: '' },
        ],
      },
      { kind: 'diff', added: 1, removed: 2 },
    ],
    [
      'Bash',
      { command: 'ls\npwd', description: 'List' },
      { kind: 'terminal', title: 'ls', note: 'List', command: 'ls\npwd' },
    ],
    [
      'Read',
      { file_path: '/x/y.ts', offset: 10, limit: 5 },
      { kind: 'lines', note: 'lines 10–14', language: 'ts' },
    ],
    ['Grep', { pattern: 'a.*b', glob: '*.ts' }, { kind: 'lines', title: 'a.*b', note: '*.ts' }],
    [
      'TodoWrite',
      {
        todos: [
          { content: 'a', status: 'completed' },
          { content: 'b', status: 'odd' },
        ],
      },
      { kind: 'todos', note: '1 of 2 done' },
    ],
    [
      'Agent',
      { description: 'Look', prompt: 'p', subagent_type: 'Explore' },
      { kind: 'task', title: 'Look', note: 'Explore', prompt: 'p' },
    ],
    ['mcp__x__y', { query: 'q' }, { kind: 'json', title: 'q' }],
    ['Edit', null, { kind: 'diff', added: 0, removed: 0 }],
  ])('%s %j', (name, input, expected) => {
    expect(call(name, input)).toMatchObject(expected);
  });
});

it.each([
  [null, 'waiting', ''],
  [{ isError: false, text: 'ok' }, 'done', ''],
  [{ isError: true, text: 'Exit code 3\ntwo' }, 'failed', 'exit 3'],
  [{ isError: true, text: 'no' }, 'failed', 'failed'],
  [{ isError: false, text: 'Exit code 0' }, 'done', ''],
])('names an outcome: %j', (given, state, note) => {
  const result = given && {
    id: 't',
    isError: given.isError,
    content: [{ kind: 'text' as const, text: given.text }],
  };
  expect(outcomeOf(result)).toEqual({ state, note });
});

it('shortens paths of both systems', () => {
  expect([shortPath('/a/b/c/d'), shortPath('C:\\a\\b\\c'), shortPath('a/b')]).toEqual([
    '…/b/c/d',
    '…/a/b/c',
    'a/b',
  ]);
});

const lines = fc
  .array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 12 })
  .map((parts) => parts.join('\n'));

it('diffs so that both sides can be read back', () => {
  const side = (text: string): string[] => (text === '' ? [] : text.split('\n'));
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      const diff = diffLines(before, after);
      expect(diff.filter((line) => line.kind !== 'added').map((line) => line.text)).toEqual(side(before));
      expect(diff.filter((line) => line.kind !== 'removed').map((line) => line.text)).toEqual(side(after));
    }),
  );
});

it('finds the small change in a large file, and gives up on two large different ones', () => {
  const file = Array.from({ length: 3000 }, (_value, index) => `line ${index}`);
  expect(countChanges(diffLines(file.join('\n'), file.toSpliced(1500, 1, 'other').join('\n')))).toEqual({
    added: 1,
    removed: 1,
  });
  expect(countChanges(diffLines(file.join('\n'), file.map((line) => `${line}!`).join('\n')))).toEqual({
    added: 3000,
    removed: 3000,
  });
});

it.each([
  [12, 0],
  [15, 0],
  [16, 4],
  [400, 388],
])('folds %d lines, hiding %d', (count, hidden) => {
  expect(foldText(Array.from({ length: count }, String).join('\n')).hidden).toBe(hidden);
});

it('folds one endless line', () => {
  const fold = foldText('x'.repeat(1_000_000));
  expect(fold.shown.length).toBeLessThan(10_000);
  expect(fold.hidden).toBe(1);
});

it.each([
  ['iVBORw0KGgoAAAANSUhEUgAA', 'image/png'],
  ['/9j/4AAQSkZJRgABAQAAAQAB', 'image/jpeg'],
  ['R0lGODlhAQABAIAAAAAAAP//', 'image/gif'],
  ['UklGRiIAAABXRUJQVlA4IBYA', 'image/webp'],
  [btoa('<svg xmlns="http://www.w3.org/2000/svg">'), null],
  [btoa('<!doctype html><script>1</script>'), null],
  ['', null],
  ['iVBORw0KGgoAAAANSUhEUgAA'.repeat(700_000), null],
])('judges an image by its bytes: %.24s → %s', (data, expected) => {
  const check = checkImage(data);
  expect(check.ok ? check.mediaType : null).toBe(expected);
});

it('tells what changed between two lists', () => {
  const changes = compareLists(['a1', 'b2', 'd1'], ['a1', 'b1', 'c1'], (value) => value.slice(0, 1)).map(
    ({ value, change }) => `${value} ${change}`,
  );
  expect(changes).toEqual(['a1 same', 'b2 changed', 'd1 new', 'c1 removed']);
  expect(compareLists(['a'], null, String).map((each) => each.change)).toEqual(['unknown']);
});
