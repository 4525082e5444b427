import { describe, expect, it } from 'vitest';
import type { ConversationRow } from '../protocol/rows.ts';
import { conversationRow as row } from './test-rows.ts';
import {
  announce,
  describe as describeRow,
  facts,
  groupByDay,
  markOf,
  partsOf,
  titleOf,
} from './conversation-groups.ts';

/** A local time, so that the test reads the same in every zone. */
const local = (text: string): string => new Date(text).toISOString();
const now = new Date('2026-11-23T15:00:00');

describe('groups by day', () => {
  it('names days as people do, newest first', () => {
    const times = [
      '2026-11-22T23:59:59',
      '2026-11-23T00:00:01',
      '2026-11-23T14:00:00',
      '2026-11-18T09:00:00',
      '2026-11-16T09:00:00',
      '2025-12-31T09:00:00',
    ];
    const days = groupByDay(
      times.map((time, index) => row({ conversationId: String(index), lastMessageTime: local(time) })),
      now,
      'en',
    );
    expect(days.map((day) => [day.label, day.conversations.map((c) => c.conversationId)])).toEqual([
      ['Today', ['2', '1']],
      ['Yesterday', ['0']],
      ['Wednesday', ['3']],
      ['November 16', ['4']],
      ['December 31, 2025', ['5']],
    ]);
    expect(days[0]?.key).toBe('2026-11-23');
  });

  it('counts a clock a little ahead as today', () => {
    const [day] = groupByDay([row({ lastMessageTime: local('2026-11-24T00:00:01') })], now, 'en');
    expect(day?.label).toBe('Today');
  });

  it('has no day without a conversation', () => {
    expect(groupByDay([], now, 'en')).toEqual([]);
  });
});

it.each<[ConversationRow['state'], string]>([
  ['running', 'running'],
  ['completed', 'done'],
  ['failed', 'failed'],
  ['interrupted', 'failed'],
  ['aborted', 'stopped'],
])('%s is marked %s', (state, mark) => {
  expect(markOf(row({ state }))).toBe(mark);
});

describe('a conversation in one line', () => {
  const conversation = row({
    title: 'Fix the\nflaky test',
    latestModel: 'claude-opus-5-5',
    totalTokens: 62_000,
    lastMessageTime: local('2026-11-23T13:00:00'),
    state: 'running',
  });

  it('says model, tokens and age', () => {
    expect(describeRow(conversation, now)).toBe('opus-5-5 · 62k tok · 2 h');
    expect(describeRow({ ...conversation, latestModel: null }, now)).toBe('62k tok · 2 h');
  });

  it('is announced with the meaning of its icon', () => {
    expect(announce(conversation, now)).toBe('Fix the flaky test, running, opus-5-5, 62k tok, 2 h');
  });

  it('has a title even without one', () => {
    expect(titleOf(row({ title: ' \u200b ' }))).toBe('Untitled conversation');
  });
});

describe('parts', () => {
  it.each<[Partial<ConversationRow>, string[]]>([
    [{ branchCount: 1 }, []],
    [{ branchCount: 3 }, ['2 branches']],
    [{ branchCount: 4, subtaskBranchCount: 3 }, ['3 sub-tasks']],
    [
      { branchCount: 6, subtaskBranchCount: 2, compactBranchCount: 1 },
      ['2 branches', '2 sub-tasks', '1 compaction'],
    ],
  ])('%j → %j', (counts, labels) => {
    expect(partsOf(row(counts)).map((part) => part.label)).toEqual(labels);
  });
});

it('lists facts, errors and cost only where there are some', () => {
  const names = (overrides: Partial<ConversationRow>): string[] =>
    facts(row(overrides), 'en').map(([name]) => name);
  expect(names({ cost: null, errorCount: 0, project: null })).toEqual([
    'State',
    'Last message',
    'Started',
    'Model',
    'Requests',
    'Tokens',
    'Context',
  ]);
  expect(names({ cost: 0.5, errorCount: 2, project: 'app' }).slice(-3)).toEqual([
    'Cost',
    'Errors',
    'Project',
  ]);
});
