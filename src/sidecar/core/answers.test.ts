import { describe, expect, test } from 'vitest';
import { answerKey, answerOf, answersIn } from './answers.ts';
import { messagesFacts } from './message-facts.ts';

const text = (words: string) => ({ type: 'text', text: words });
const call = (id: string) => ({ type: 'tool_use', id, name: 'Read', input: {} });
const a = (...content: unknown[]) => ({ role: 'assistant', content });
const q = (content: unknown) => ({ role: 'user', content });
const LONG =
  'The retry read an exhausted stream, so the second attempt sent nothing and still called it a success.';
const scope = { project: 'p', sessionId: 's', agentId: null };
const keyOf = (content: unknown[], where = scope): string | undefined =>
  answerKey(where, answerOf({ content })!)?.toString('hex');

describe('the answers of a history', () => {
  test('newest first, at most four, as their responses said them', () => {
    const said = ['1', '2', '3', '4', '5'];
    const history = said.flatMap((words) => [q('go on'), a(text(words))]);
    const found = answersIn(messagesFacts([...history, q('and now?')]));
    expect(found).toEqual(
      said
        .toReversed()
        .slice(0, 4)
        .map((words) => answerOf({ content: [text(words)] })),
    );
  });
  test('a prefill is none, an answer before a message of the client is', () => {
    const one = answerOf({ content: [text('1')] });
    expect(answersIn(messagesFacts([q('x'), a(text('1')), q('y'), a(text('{'))]))).toEqual([one]);
    const told = { role: 'system', content: 'The user sent a new message.' };
    expect(answersIn(messagesFacts([q('x'), a(text('1')), told]))).toEqual([one]);
    expect(answersIn(messagesFacts([q('x')]))).toEqual([]);
  });
  test('however they are written: thinking, white space, reminders and cache marks say nothing', () => {
    const plain = answerOf({ content: [text('Done.'), call('t1')] });
    const thinking = { type: 'thinking', thinking: 'hm', signature: 'x' };
    const marked = { ...call('t1'), cache_control: { type: 'ephemeral' } };
    const noted = text(' Done.\r\n<system-reminder>x</system-reminder>');
    expect(answerOf({ content: [thinking, noted, text(''), marked] })).toEqual(plain);
    expect(answerOf({ content: [text('Done.'), call('t2')] })).not.toEqual(plain);
    expect(answerOf({ content: [thinking] })).toBeNull();
    expect(answerOf(null)).toBeNull();
  });
});

test('a key holds where the answer was given; without a session only an answer that nobody else gives has one', () => {
  const key = keyOf([text('Done.')]);
  expect(key).toMatch(/^[0-9a-f]{16}$/);
  for (const where of [
    { ...scope, project: 'other' },
    { ...scope, sessionId: 'other' },
    { ...scope, agentId: 'other' },
  ]) {
    expect(keyOf([text('Done.')], where as typeof scope)).not.toBe(key);
  }
  const nobody = { ...scope, sessionId: null } as unknown as typeof scope;
  expect(keyOf([text('Done.')], nobody)).toBeUndefined();
  expect(keyOf([text(LONG)], nobody)).toBeDefined();
  expect(keyOf([text('Done.'), call('t1')], nobody)).toBeDefined();
});
