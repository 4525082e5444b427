import { expect, it } from 'vitest';
import { everyDay, kindName, prunedText, pruneOf, removedText, vacuumedText } from './words.ts';

const removed = { conversations: 1, exchanges: 340, blocks: 9, bytes: 45_000_000 };

it('names what is known, and lets the unknown speak for itself', () => {
  expect(kindName('message').name).toBe('Messages');
  expect(kindName('new_kind').name).toBe('New kind');
});

it('has a day for every day', () => {
  const days = everyDay([{ date: '2026-02-27', bytes: 7 }], '2026-03-01', 4);
  expect(days).toEqual([
    { date: '2026-02-26', bytes: 0 },
    { date: '2026-02-27', bytes: 7 },
    { date: '2026-02-28', bytes: 0 },
    { date: '2026-03-01', bytes: 0 },
  ]);
});

it.each([
  ['90', '', { olderThanDays: 90, maxBytes: 0 }],
  ['', ' 1.5 ', { olderThanDays: 0, maxBytes: 1_500_000 }],
  ['7', '100', { olderThanDays: 7, maxBytes: 100_000_000 }],
  ['', '', null],
  ['0', '', null],
  ['-1', '', null],
  ['ten', '5', null],
  ['1e9', '', null],
])('days %j and megabytes %j ask for %j', (days, megabytes, expected) => {
  expect(pruneOf(days, megabytes)).toEqual(expected);
});

it('says what went', () => {
  const report = { done: true, dryRun: false, elsewhere: false, removed };
  expect(removedText(report)).toBe('1 conversation with 340 requests, about 45 MB');
  expect(removedText({ ...report, removed: { ...removed, conversations: 0, exchanges: 1 } })).toBe(
    '1 request, about 45 MB',
  );
  expect(prunedText({ ...report, done: false })).toContain('goes on in the background');
});

it('says what a vacuum gave back', () => {
  const table = (bytesBefore: number, bytesAfter: number) => ({ name: 'block', bytesBefore, bytesAfter });
  expect(vacuumedText({ done: true, tables: [table(9e6, 5e6), table(1e6, 1e6)] })).toContain(
    '4 MB given back',
  );
  expect(vacuumedText({ done: true, tables: [table(5, 5)] })).toContain('nothing to give back');
  expect(vacuumedText({ done: false, tables: [] })).toContain('in the background');
});
