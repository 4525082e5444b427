import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RequestFacts } from './facts.ts';
import { promptHash, readRequest } from './read-request.ts';

const read = (body: unknown, headers: [string, string][] = []): RequestFacts =>
  readRequest({ method: 'POST', path: '/v1/messages', headers, body });
const user = (...content: unknown[]): unknown => ({ role: 'user', content });
const assistant = (...content: unknown[]): unknown => ({ role: 'assistant', content });
const said = (text: string): unknown => ({ type: 'text', text });
const call = (id: string, name: string): unknown => ({ type: 'tool_use', id, name, input: {} });
const result = (id: string): unknown => ({ type: 'tool_result', tool_use_id: id, content: 'x' });

describe('session, account and agent', () => {
  const UUID = '324c87c7-dbe9-4d90-a70c-a381b6e7d88c';
  const of = (userId: unknown): (string | null)[] => {
    const { sessionId, accountUuid } = read({ metadata: { user_id: userId }, messages: [] });
    return [sessionId, accountUuid];
  };
  test('metadata.user_id in both formats', () => {
    expect(of(`user_${'0'.repeat(64)}_account_abc-1_session_${UUID}`)).toEqual([UUID, 'abc-1']);
    expect(of(`user_${'0'.repeat(64)}_account__session_${UUID}`)).toEqual([UUID, null]);
    expect(of(JSON.stringify({ device_id: 'd', account_uuid: 'a', session_id: UUID }))).toEqual([UUID, 'a']);
    for (const odd of ['me', '{', '{}', 3, null, '{"session_id":3}']) expect(of(odd)).toEqual([null, null]);
  });
  test('headers win', () => {
    const facts = read({ metadata: { user_id: '{"session_id":"old"}' } }, [
      ['X-Claude-Code-Session-Id', 'new'],
      ['x-claude-code-agent-id', 'a1'],
      ['x-claude-code-parent-agent-id', 'a0'],
    ]);
    expect([facts.sessionId, facts.agentId, facts.parentAgentId]).toEqual(['new', 'a1', 'a0']);
  });
  test('a new session is a fork, except for clients that open one on every resume', () => {
    expect(read({}, [['user-agent', 'claude-cli/2.1.330 (external, cli)']]).newSessionForks).toBe(true);
    expect(read({}, [['user-agent', 'claude-cli/1.0.58 (external, cli)']]).newSessionForks).toBe(false);
  });
});

describe('preview', () => {
  const cases: [string, unknown[], string][] = [
    [
      'new text on one line',
      [user(said('first')), assistant(said('a')), user(said('two\n  lines'))],
      'two lines',
    ],
    [
      'tools by name',
      [
        assistant(call('1', 'Read'), call('2', 'Bash'), call('3', 'Bash')),
        user(result('1'), result('2'), result('3')),
      ],
      'Read, Bash ×2',
    ],
    ['tools nobody called', [user(result('9'))], 'tool result'],
    ['text before tools', [assistant(call('1', 'Read')), user(result('1'), said('stop'))], 'stop'],
    [
      'behind reminders and client texts',
      [user(said('<system-reminder>x</system-reminder>'), said('[Request interrupted by user]'), said('go'))],
      'go',
    ],
    [
      'a slash command',
      [user(said('<command-name>/clear</command-name>\n<command-message>clear</command-message>'))],
      '/clear',
    ],
    ['a prefilled answer', [user(said('start')), { role: 'assistant', content: 'The answer is' }], 'start'],
    [
      'queued while the model worked',
      [
        assistant(call('1', 'Read')),
        user(result('1')),
        { role: 'system', content: 'The user sent a new message while you were working:\nand hurry' },
      ],
      'and hurry',
    ],
    [
      'a summary',
      [user(said('Your task is to create a detailed summary of the conversation so far'))],
      'Compact the conversation',
    ],
    ['a fork', [user(said('<fork-boilerplate>x</fork-boilerplate>\n\nYour directive: do it'))], 'do it'],
    ['nothing', [], ''],
  ];
  test.each(cases)('%s', (_name, messages, expected) => {
    expect(read({ messages }).preview).toBe(expected);
  });
  test('at most 200 characters, whole ones', () => {
    const { preview } = read({ messages: [user(said('🐎'.repeat(500)))] });
    expect(Array.from(preview)).toHaveLength(200);
    expect(preview.endsWith('🐎…')).toBe(true);
  });
});

describe('what linking needs', () => {
  test('prompts: the first text, the task of a workflow, the directive of a fork while it is new', () => {
    const prompts = (...messages: unknown[]): Buffer[] => read({ messages }).promptHashes;
    expect(prompts(user(said('<system-reminder>x</system-reminder>'), said(' go ')))).toEqual([
      promptHash('go'),
    ]);
    const harness = '[Workflow harness — computed task] The task text follows:\n  line one\n  line two';
    expect(prompts(user(said(harness)))).toEqual([promptHash(harness), promptHash('line one\nline two')]);
    const fork = user(result('t'), said('<fork-boilerplate>x</fork-boilerplate>\n\nYour directive: do it'));
    expect(prompts(user(said('q')), fork)).toEqual([promptHash('q'), promptHash('do it')]);
    expect(prompts(user(said('q')), fork, assistant(said('ok')), user(said('more')))).toEqual([
      promptHash('q'),
    ]);
  });
  test('thread, previous request, tool ids, texts of a continued session', () => {
    const facts = read({
      thread: { type: 'continue', previous_message_id: 'msg_1' },
      system: [said('x-anthropic-billing-header: cc_version=2; cc_prev_req=req_01A; cc_turn_index=2;')],
      messages: [
        assistant(call('a', 'Read'), call('b', 'Read')),
        user(said('file'), said('This session is being continued from a previous conversation. Summary: s')),
      ],
    });
    expect(facts.thread).toEqual({ type: 'continue', previousMessageId: 'msg_1' });
    expect(facts.previousUpstreamId).toBe('req_01A');
    expect(facts.lastToolIds).toEqual(['b', 'a']);
    expect(facts.continuedText).toContain('Summary: s');
    expect(facts.firstUserText).toBe('file');
    expect(read({ thread: { type: 'create' } }).thread).toEqual({ type: 'create' });
    expect(read({ thread: { type: 'continue' } }).thread).toBeNull();
  });
  test('a summary is asked for by the newest message only', () => {
    const ask = said(
      'CRITICAL: Respond with TEXT ONLY.\nYour task is to create a detailed summary of the conversation so far',
    );
    expect(read({ messages: [user(said('q')), user(ask), { role: 'system', content: [] }] }).summarises).toBe(
      true,
    );
    expect(read({ messages: [user(ask), assistant(said('s')), user(said('next'))] }).summarises).toBe(false);
  });
  test('… or is said by the hint header, whatever the words are', () => {
    const messages = [user(said('Sum it up.'))];
    const hinted = (value: string): boolean =>
      read({ messages }, [['X-Claude-Code-Request-Class', value]]).summarises;
    expect([hinted('compaction'), hinted('main')]).toEqual([true, false]);
  });
});

test('any JSON reads as something', () => {
  const odd = fc.record(
    {
      messages: fc.jsonValue(),
      system: fc.jsonValue(),
      metadata: fc.jsonValue(),
      thread: fc.jsonValue(),
      tools: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), odd), (body) => {
      const facts = read(body);
      return facts.ownLinks <= facts.links.length && Array.from(facts.preview).length <= 200;
    }),
    { numRuns: 300 },
  );
});
