import { describe, expect, it } from 'vitest';
import { queuedText, readContent, splitReminders } from './blocks.ts';
import { firstFresh, readEarlier, readTurn, type Part } from './turn-content.ts';

const user = (content: unknown): object => ({ role: 'user', content });
const claude = (content: unknown): object => ({ role: 'assistant', content });
const use = (id: string): object => ({ type: 'tool_use', id, name: 'Read', input: {} });
const result = (id: string): object => ({ type: 'tool_result', tool_use_id: id, content: 'x' });

/** `user: text, tool(t1✓)`: parts in one line each. */
function brief(parts: readonly (Part | null)[]): string[] {
  return parts.flatMap((part) => {
    if (!part) return [];
    const entries = part.entries.map((entry) => {
      if (entry.kind === 'tool') return `${entry.call.name}(${entry.call.id}${entry.result ? '✓' : ''})`;
      return entry.kind === 'text' ? entry.text : entry.kind;
    });
    return [`${part.role}: ${entries.join(', ')}`];
  });
}

describe('readTurn', () => {
  const history = [user('a'), claude([use('t1')]), user([result('t1')]), claude('b')];
  it.each([
    { name: 'a first turn', messages: [user('a')], count: null, earlier: 0, fresh: ['user: a'] },
    {
      name: 'new is what follows the parent’s answer',
      messages: [...history, user('c')],
      count: 3,
      earlier: 4,
      fresh: ['user: c'],
    },
    {
      name: 'without a parent, what follows the last answer',
      messages: [...history, user('c')],
      count: null,
      earlier: 4,
      fresh: ['user: c'],
    },
    {
      name: 'a rewritten history',
      messages: [user('summary'), user('c')],
      count: 40,
      earlier: 0,
      fresh: ['user: summary', 'user: c'],
    },
    {
      name: 'results show their call',
      messages: history.slice(0, 3),
      count: 1,
      earlier: 2,
      fresh: ['user: Read(t1✓)'],
    },
    {
      name: 'a failed turn before',
      messages: [user('a'), user('b')],
      count: 1,
      earlier: 1,
      fresh: ['user: b'],
    },
    {
      name: 'a call sent twice is drawn once',
      messages: [
        user('a'),
        claude([use('t1')]),
        user([result('t1')]),
        claude([use('t1')]),
        user([result('t1'), { type: 'text', text: 'go' }]),
      ],
      count: null,
      earlier: 4,
      fresh: ['user: Read(t1✓), go'],
    },
  ])('$name', ({ messages, count, earlier, fresh }) => {
    const content = readTurn({ requestBody: { messages }, responseBody: null, parentCount: count });
    expect(content.earlier).toHaveLength(earlier);
    expect(brief(content.fresh)).toEqual(fresh);
  });

  it('takes results of the reply from the next request', () => {
    const response = {
      role: 'assistant',
      content: [{ type: 'thinking', thinking: 'h' }, use('t1'), use('t2')],
    };
    const nextBody = { messages: [user('a'), response, user([result('t1')])] };
    const content = readTurn({
      requestBody: { messages: [user('a')] },
      responseBody: response,
      parentCount: null,
      nextBody,
    });
    expect(brief([content.reply])).toEqual(['assistant: thinking, Read(t1✓), Read(t2)']);
  });

  it('pairs calls and results in the history, each id once', () => {
    const messages = [
      user('a'),
      claude([use('t1')]),
      user([result('t1')]),
      claude([use('t1')]),
      user([result('t1')]),
      claude('b'),
      user('c'),
    ];
    const content = readTurn({ requestBody: { messages }, responseBody: null, parentCount: null });
    expect(brief(readEarlier(content, 20))).toEqual(['user: a', 'assistant: Read(t1✓)', 'assistant: b']);
    expect(brief(readEarlier(content, 1))).toEqual(['assistant: b']);
  });

  it('reads an error, and odd bodies, without failing', () => {
    const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
    expect(readTurn({ requestBody: 'not json', responseBody: error, parentCount: 3 }).error).toEqual({
      type: 'overloaded_error',
      message: 'Overloaded',
    });
    for (const odd of [
      null,
      undefined,
      7,
      [],
      { messages: 7 },
      { messages: [null, 7, { role: 1, content: [null, {}, { type: 'x' }] }] },
    ]) {
      expect(() =>
        readTurn({ requestBody: odd, responseBody: odd, parentCount: 1, nextBody: odd }),
      ).not.toThrow();
    }
  });
});

it.each([
  ['a <system-reminder>x</system-reminder> b', ['text:a', 'reminder:x', 'text:b']],
  [
    '<system-reminder>x <system-reminder>y</system-reminder> z</system-reminder>b',
    ['reminder:x <system-reminder>y</system-reminder> z', 'text:b'],
  ],
  ['a<system-reminder>never closed', ['text:a', 'reminder:never closed']],
  ['a</system-reminder>b', ['text:a</system-reminder>b']],
  ['   ', []],
])('splits reminders: %s', (text, expected) => {
  expect(splitReminders(text).map((block) => `${block.kind}:${'text' in block ? block.text : ''}`)).toEqual(
    expected,
  );
});

it.each([
  ['The user sent a new message while you were working: stop', 'stop'],
  ['# Environment', null],
])('finds queued messages: %s', (text, expected) => {
  expect(queuedText(text)).toBe(expected);
});

it('keeps unknown blocks as JSON', () => {
  expect(
    readContent([
      { type: 'web_search_tool_result', tool_use_id: 's', content: [] },
      { type: 'new_thing' },
    ]).map((block) => block.kind),
  ).toEqual(['result', 'json']);
});

it('treats a trailing assistant message as new (a prefill)', () => {
  expect(
    firstFresh(
      [
        { role: 'user', blocks: [] },
        { role: 'assistant', blocks: [] },
      ],
      null,
    ),
  ).toBe(0);
});
