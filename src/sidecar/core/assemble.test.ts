import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createAssembler } from './assemble.ts';
import type { ResponseFacts, SpawnCall } from './facts.ts';

const SSE = 'text/event-stream; charset=utf-8';
const sse = (...events: unknown[]): string =>
  events
    .map((data) => `event: ${(data as { type: string }).type}\ndata: ${JSON.stringify(data)}\n\n`)
    .join('');
const feed = (
  text: string | Buffer,
  type: string | null = SSE,
  cut = Infinity,
): ResponseFacts & { calls: SpawnCall[]; tokens: number } => {
  const bytes = Buffer.from(text);
  const assembler = createAssembler(type, true);
  const calls: SpawnCall[] = [];
  let tokens = 0;
  const step = Math.min(cut, bytes.length + 1);
  for (let at = 0; at < bytes.length; at += step) {
    const { spawns, firstToken } = assembler.push(bytes.subarray(at, at + step), at);
    calls.push(...spawns);
    if (firstToken) tokens++;
  }
  return { ...assembler.end(), calls, tokens };
};

const start = {
  type: 'message_start',
  message: {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content: [],
    stop_reason: null,
    usage: {
      input_tokens: 5,
      output_tokens: 1,
      cache_read_input_tokens: 7,
      cache_creation_input_tokens: 9,
      cache_creation: { ephemeral_5m_input_tokens: 2, ephemeral_1h_input_tokens: 7 },
    },
  },
};
const open = (index: number, block: unknown): unknown => ({
  type: 'content_block_start',
  index,
  content_block: block,
});
const delta = (index: number, body: unknown): unknown => ({
  type: 'content_block_delta',
  index,
  delta: body,
});
const stop = (index: number): unknown => ({ type: 'content_block_stop', index });
const end = {
  type: 'message_delta',
  delta: { stop_reason: 'tool_use', stop_sequence: null, container: { id: 'c' } },
  usage: { output_tokens: 40, input_tokens: null },
  context_management: { applied_edits: [] },
};
const done = { type: 'message_stop' };
const citation = { type: 'char_location', cited_text: 'x' };

const events = [
  start,
  open(0, { type: 'thinking', thinking: '', signature: '' }),
  { type: 'ping' },
  delta(0, { type: 'thinking_delta', thinking: 'hm ' }),
  delta(0, { type: 'thinking_delta', thinking: '🐎' }),
  delta(0, { type: 'signature_delta', signature: 'sig' }),
  stop(0),
  open(1, { type: 'redacted_thinking', data: 'r' }),
  stop(1),
  open(2, { type: 'text', text: '' }),
  delta(2, { type: 'text_delta', text: 'Hello ' }),
  delta(2, { type: 'text_delta', text: 'žluť' }),
  delta(2, { type: 'citations_delta', citation }),
  stop(2),
  open(3, { type: 'tool_use', id: 't1', name: 'Task', input: {} }),
  delta(3, { type: 'input_json_delta', partial_json: '' }),
  delta(3, { type: 'input_json_delta', partial_json: '{"prompt":"do ' }),
  delta(3, { type: 'input_json_delta', partial_json: 'it","subagent_type":"x"}' }),
  stop(3),
  open(4, { type: 'server_tool_use', id: 's1', name: 'web_search', input: {} }),
  delta(4, { type: 'input_json_delta', partial_json: '{"q":1}' }),
  stop(4),
  open(5, {
    type: 'web_search_tool_result',
    tool_use_id: 's1',
    content: [{ type: 'web_search_result', encrypted_content: 'e' }],
  }),
  stop(5),
  open(6, { type: 'tool_use', id: 't2', name: 'Read', input: {} }),
  stop(6),
  { type: 'news_of_tomorrow', x: 1 },
  open(7, { type: 'compaction', content: null }),
  delta(7, { type: 'compaction_delta', content: 'sum' }),
  stop(7),
  end,
  done,
];
const content = [
  { type: 'thinking', thinking: 'hm 🐎', signature: 'sig' },
  { type: 'redacted_thinking', data: 'r' },
  { type: 'text', text: 'Hello žluť', citations: [citation] },
  { type: 'tool_use', id: 't1', name: 'Task', input: { prompt: 'do it', subagent_type: 'x' } },
  { type: 'server_tool_use', id: 's1', name: 'web_search', input: { q: 1 } },
  {
    type: 'web_search_tool_result',
    tool_use_id: 's1',
    content: [{ type: 'web_search_result', encrypted_content: 'e' }],
  },
  { type: 'tool_use', id: 't2', name: 'Read', input: {} },
  { type: 'compaction', content: 'sum' },
];

describe('a stream', () => {
  test('gives the message a call without streaming would have answered', () => {
    const facts = feed(sse(...events));
    expect(facts.message).toEqual({
      ...start.message,
      content,
      stop_reason: 'tool_use',
      stop_sequence: null,
      container: { id: 'c' },
      context_management: { applied_edits: [] },
      usage: { ...start.message.usage, output_tokens: 40 },
    });
    expect(facts).toMatchObject({
      messageId: 'msg_1',
      model: 'm',
      complete: true,
      error: null,
      toolCallCount: 3,
      text: 'Hello žluť',
      tokens: 1,
    });
    expect(facts.usage).toMatchObject({
      inputTokens: 5,
      outputTokens: 40,
      cacheReadInputTokens: 7,
      cacheCreationInputTokens: 9,
      cacheCreation5mTokens: 2,
      cacheCreation1hTokens: 7,
    });
    expect(facts.spawns).toMatchObject([{ toolUseId: 't1', name: 'Task', prompt: 'do it', agentType: 'x' }]);
  });

  test('cut anywhere, with any line ends, gives the same', () => {
    const whole = feed(sse(...events));
    for (const step of [1, 2, 3, 7, 64]) {
      expect(feed(sse(...events), SSE, step)).toEqual({ ...whole, calls: whole.calls });
    }
    expect(feed(sse(...events).replaceAll('\n', '\r\n')).message).toEqual(whole.message);
  });

  test('a sub-agent call is told when its block ends, once', () => {
    const assembler = createAssembler(SSE);
    const before = assembler.push(Buffer.from(sse(...events.slice(0, 18))), 0).spawns;
    const after = assembler.push(Buffer.from(sse(...events.slice(18, 19))), 0).spawns;
    const again = assembler.push(Buffer.from(sse(...events.slice(18))), 0).spawns;
    expect([before.length, after.map(({ toolUseId }) => toolUseId), again.length]).toEqual([0, ['t1'], 0]);
  });

  test('garbage between events is passed over', () => {
    const text = `${sse(...events.slice(0, 10))}data: {not json\n\n: comment\nnonsense\n\ndata: 3\n\nevent: x\n\n${sse(...events.slice(10))}`;
    expect(feed(text).message).toEqual(feed(sse(...events)).message);
  });

  test('cut off: what was said, not complete', () => {
    const facts = feed(sse(...events.slice(0, 11)));
    expect(facts.complete).toBe(false);
    expect(facts.text).toBe('Hello ');
    const half = feed(sse(...events.slice(0, 17)));
    expect(half.message).toMatchObject({ content: [{}, {}, {}, { id: 't1', input: {} }] });
    expect(half.spawns).toEqual([]);
    expect(feed('').message).toBeNull();
  });

  test('an error event', () => {
    const facts = feed(
      sse(...events.slice(0, 11), {
        type: 'error',
        error: { type: 'overloaded_error', message: 'Overloaded' },
      }),
    );
    expect(facts).toMatchObject({
      complete: false,
      error: { type: 'overloaded_error', message: 'Overloaded' },
      text: 'Hello ',
    });
  });

  test('any bytes and any events: never throws', () => {
    const type = fc.constantFrom(
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'error',
      'message_stop',
    );
    const event = fc.record(
      {
        type,
        index: fc.oneof(fc.nat(3), fc.jsonValue()),
        delta: fc.jsonValue(),
        message: fc.jsonValue(),
        content_block: fc.jsonValue(),
        usage: fc.jsonValue(),
        error: fc.jsonValue(),
      },
      { requiredKeys: ['type'] },
    );
    fc.assert(
      fc.property(fc.array(event), fc.uint8Array(), fc.integer({ min: 1, max: 50 }), (list, junk, cut) => {
        feed(sse(...list), SSE, cut);
        feed(Buffer.from(junk), SSE, cut);
        feed(Buffer.from(junk), null, cut);
      }),
    );
  });
});

describe('a body', () => {
  const message = {
    id: 'msg_2',
    type: 'message',
    model: 'm',
    content: [
      { type: 'text', text: 'a' },
      { type: 'tool_use', id: 't', name: 'Agent', input: { prompt: 'p' } },
    ],
    usage: { input_tokens: 1, output_tokens: 2 },
  };
  test('JSON, however it is cut', () => {
    const facts = feed(JSON.stringify(message), 'application/json', 3);
    expect(facts).toMatchObject({
      message,
      messageId: 'msg_2',
      complete: true,
      text: 'a',
      toolCallCount: 1,
      tokens: 1,
    });
    expect(facts.spawns).toMatchObject([{ toolUseId: 't', prompt: 'p' }]);
    expect(facts.usage).toMatchObject({ inputTokens: 1, outputTokens: 2, cacheCreationInputTokens: 0 });
  });
  test('an error is not complete', () => {
    const error = { type: 'error', error: { type: 'rate_limit_error', message: 'slow down' } };
    expect(feed(JSON.stringify(error), 'application/json')).toMatchObject({
      message: error,
      complete: false,
      error: error.error,
      messageId: null,
    });
  });
  test('half a body, another kind of body', () => {
    expect(feed(JSON.stringify(message).slice(0, 40), 'application/json')).toMatchObject({
      message: null,
      complete: false,
    });
    expect(feed('<html>', 'text/html')).toMatchObject({ message: null, complete: false, usage: null });
  });
  test('without a content type the bytes decide', () => {
    expect(feed(JSON.stringify(message), null).messageId).toBe('msg_2');
    expect(feed(sse(...events), null).messageId).toBe('msg_1');
  });
});
