import { describe, expect, test } from 'vitest';
import { linkChain, systemHash } from '../../src/sidecar/core/normalise.ts';
import { readRequest } from '../../src/sidecar/core/read-request.ts';
import { a, check, CONTINUED, q, result, SUMMARISE, task, text, type Step } from './link-story.ts';

/** What users of Claude Nexus know, in one place: each row is a behaviour they rely on. */

const linkOf = (...content: unknown[]): string | undefined =>
  linkChain(content.map((one) => ({ role: 'user', content: one }))).tip?.toString('hex');
const hello = linkOf('hello');
const reminder = '<system-reminder>be brief</system-reminder>';

describe('messages', () => {
  test.each([
    ['a text block', [text('hello')]],
    ['white space around it', '  hello\n'],
    ['a cache mark', [{ type: 'text', text: 'hello', cache_control: { type: 'ephemeral' } }]],
    ['a reminder before it', [text(reminder), text('hello')]],
    ['a reminder behind it', [text('hello'), text(reminder)]],
    ['a reminder in the text', `hello ${reminder}`],
    ['an empty block', [text(''), text('hello')]],
    ['thinking', [{ type: 'thinking', thinking: 'x', signature: 'y' }, text('hello')]],
  ])('"hello" and the same with %s are equal', (_, content) => {
    expect(linkOf(content)).toBe(hello);
  });
  test.each([
    ['another text', 'hello!'],
    ['another case', 'Hello'],
    ['two texts', [text('hello'), text('hello')]],
    ['an image', [text('hello'), { type: 'image', source: { type: 'base64', data: 'AAAA' } }]],
  ])('"hello" and %s are not', (_, content) => {
    expect(linkOf(content)).not.toBe(hello);
  });
  test('a message of reminders only, or with the role system, does not count', () => {
    expect(linkOf(reminder, 'hello')).toBe(hello);
    const told = linkChain([
      { role: 'system', content: 'x' },
      { role: 'user', content: 'hello' },
    ]);
    expect(told.tip?.toString('hex')).toBe(hello);
  });
  test('the same tool call or result twice counts once', () => {
    const call = { role: 'assistant', content: [task('t1', 'go')] };
    const back = { role: 'user', content: [result('t1')] };
    const tip = (...messages: unknown[]): string | undefined => linkChain(messages).tip?.toString('hex');
    expect(tip(call, back, call, back)).toBe(tip(call, back));
  });
  test('the system prompt is hashed apart: another one does not cut a conversation', () => {
    const read = (system: unknown) =>
      readRequest({
        method: 'POST',
        path: '/v1/messages',
        headers: [],
        body: { messages: [q('hello')], system },
      });
    const [one, other] = [read('You are A.'), read([text('You are B.')])];
    expect(one.systemHash?.equals(other.systemHash!)).toBe(false);
    expect(one.links).toEqual(other.links);
    expect(
      systemHash([text('x-anthropic-billing-header: cc_version=1; cch=2;'), text('You are A.')]),
    ).toEqual(one.systemHash);
  });
});

describe('conversations', () => {
  const first: Step = { id: 'A', messages: [q('hello')], reply: [text('hi')] };
  const next = (id: string, more: Partial<Step> = {}): Step => ({
    id,
    messages: [q('hello'), a('hi'), q(id)],
    reply: [text(id)],
    ...more,
  });
  const parent: Step = { id: 'A', messages: [q('hello')], reply: [task('t1', 'count'), task('t2', 'sum')] };
  const child = (at: number): Step => ({ id: 'S', messages: [q('count')], reply: [], at });
  const bare = (step: Step): Step => ({ ...step, session: null });

  test.each<[string, Step[], string]>([
    ['an answer continues on main', [first, next('B')], 'response-prefix A@main'],
    [
      'another system prompt is the same conversation',
      [first, next('B', { system: 'You are B.' })],
      'response-prefix A@main',
    ],
    [
      'a second continuation is branch_YYYYMMDDHHMMSS',
      [first, next('B'), next('C')],
      'response-prefix A@branch_20261122140003',
    ],
    [
      'a third in the same second has a suffix',
      [first, next('B'), next('C'), next('D', { at: 3 })],
      'response-prefix A@branch_20261122140003_2',
    ],
    [
      'what follows a branch stays on it',
      [
        first,
        next('B'),
        next('C'),
        { id: 'D', messages: [q('hello'), a('hi'), q('C'), a('C'), q('D')], reply: [] },
      ],
      'response-prefix C@branch_20261122140003',
    ],
    [
      'a forked session is a branch',
      [first, next('B', { session: 's2' })],
      'response-prefix A@branch_20261122140002',
    ],
    [
      'the same request after a failure is a retry',
      [
        { ...first, reply: null },
        { ...first, id: 'B' },
      ],
      'retry -@main in A',
    ],
    [
      'the same request after an answer is a branch',
      [first, next('B'), { ...next('B'), id: 'C' }],
      'request-prefix A@branch_20261122140003',
    ],
    [
      'a sub-task is subtask_N by the order of the calls',
      [parent, { ...child(5), messages: [q('sum')] }],
      'spawn-prompt A@subtask_2',
    ],
    [
      'a prompt alone finds its call for 30 seconds after the answer',
      [parent, child(31.5)],
      'spawn-prompt A@subtask_1',
    ],
    ['… and an older one is refused', [parent, child(31.6)], 'root -@main in S'],
    [
      'of twins the conversation with the fewest requests goes on',
      [bare(first), bare({ ...first, id: 'X' }), bare(next('B')), bare(next('C'))],
      'response-prefix A@main',
    ],
    [
      'a compacted session is compact_HHMMSS',
      [
        first,
        {
          id: 'B',
          messages: [q('hello'), a('hi'), q(SUMMARISE)],
          reply: [text('They said hello, and that was all of it.')],
        },
        { id: 'C', messages: [q(`${CONTINUED}\nThey said hello, and that was all of it.`)], reply: [] },
      ],
      'compaction B@compact_140003',
    ],
  ])('%s', (_, steps, last) => {
    const { exchanges } = check(steps, null);
    const { decision, branchId, conversationId } = exchanges.at(-1)!;
    const root = decision.parentRequestId === null ? ` in ${String(conversationId)}` : '';
    expect(`${decision.signal} ${decision.parentRequestId ?? '-'}@${String(branchId)}${root}`).toBe(last);
  });
});
