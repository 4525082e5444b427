import { describe, expect, it } from 'vitest';
import { engines } from '../support/databases.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import {
  assistant,
  SSE,
  streamOf,
  text,
  toolResult,
  toolUse,
  turn,
  user,
  type Reply,
} from '../support/messages.ts';
import type { Recording } from '../support/recording.ts';
import { useRecording } from '../support/recording-suite.ts';

const T0 = Date.UTC(2026, 10, 21, 9, 30, 15);

const server = usePostgres();

describe.each(engines)('trees on %s', (engine) => {
  let recording: Recording;
  useRecording(engine, server, (begun) => {
    recording = begun;
  });

  /** Sends a turn `seconds` after the start; `reply` null: no answer yet. */
  const send = (
    seconds: number,
    body: Record<string, unknown>,
    reply: Reply | null,
    headers: [string, string][] = [],
  ) =>
    recording.write({
      at: T0 + seconds * 1000,
      head: { headers: [['content-type', 'application/json'], ...headers] },
      body,
      ...(reply === null
        ? { end: { reason: 'upstream-error' } }
        : { response: { headers: SSE, chunks: streamOf(reply) } }),
    }).id;
  const detailOf = async (id: string) => {
    await recording.recorder.drain();
    expect(recording.logs.filter((line) => line.startsWith('error'))).toEqual([]);
    const { conversationId } = (await recording.read('getRequest', id, ['conversationId']))!;
    return (await recording.read('getConversation', conversationId!))!;
  };
  const rowsOf = (detail: Awaited<ReturnType<typeof detailOf>>) =>
    Object.fromEntries(detail.requests.map((row) => [row.requestId, row]));

  it('continues a conversation and sums it up', async () => {
    const history = [user('fix the bug')];
    const first = send(0, turn('s-main', history), {
      content: [toolUse('toolu_a', 'Read', { file_path: '/a' })],
    });
    const next = [
      ...history,
      assistant([toolUse('toolu_a', 'Read', { file_path: '/a' })]),
      user([toolResult('toolu_a', 'text')]),
    ];
    const second = send(2, turn('s-main', next), {
      content: [text('Done.')],
      usage: { input_tokens: 20, output_tokens: 3, cache_read_input_tokens: 100 },
    });
    const detail = await detailOf(first);
    expect(detail.conversation).toMatchObject({
      title: 'fix the bug',
      state: 'completed',
      requestCount: 2,
      messageCount: 3,
      totalTokens: 126 + 23,
      contextTokens: 7 + 120,
      latestRequestId: second,
      latestContextTokens: 120,
      branchCount: 1,
      errorCount: 0,
      modelsUsed: ['claude-test-1'],
      firstMessageTime: new Date(T0).toISOString(),
    });
    expect(rowsOf(detail)[second]).toMatchObject({ parentRequestId: first, branchId: 'main', retryOf: null });
    expect(detail.branches).toEqual([
      expect.objectContaining({
        branchId: 'main',
        kind: 'main',
        parentRequestId: null,
        firstRequestId: first,
        lastRequestId: second,
        requestCount: 2,
        contextTokens: 120,
        totalTokens: 149,
        messageCount: 3,
      }),
    ]);
    // From the end of the first answer to the request with the tool's result.
    const ended = detail.requests[0]!.durationMs!;
    expect(detail.branches[0]!.toolMs).toBe(2000 - ended);
    expect(await recording.read('getLink', second)).toMatchObject({
      signal: 'response-prefix',
      matchedMessages: 2,
    });
  });

  it('opens a branch for a second continuation, and one more with a name of its own', async () => {
    const history = [user('write a poem')];
    const root = send(100, turn('s-fork', history), { content: [text('A poem.')] });
    const answered = [...history, assistant([text('A poem.')])];
    const main = send(101, turn('s-fork', [...answered, user('longer')]), { content: [text('Longer.')] });
    const fork = send(102, turn('s-fork-2', [...answered, user('shorter')]), { content: [text('Short.')] });
    const again = send(102.4, turn('s-fork-3', [...answered, user('funnier')]), { content: [text('Ha.')] });
    const onFork = send(
      103,
      turn('s-fork-2', [...answered, user('shorter'), assistant([text('Short.')]), user('thanks')]),
      { content: [text('!')] },
    );
    const rows = rowsOf(await detailOf(root));
    expect(rows[main]).toMatchObject({ parentRequestId: root, branchId: 'main' });
    expect(rows[fork]).toMatchObject({ parentRequestId: root, branchId: 'branch_20261121093157' });
    expect(rows[again]).toMatchObject({ parentRequestId: root, branchId: 'branch_20261121093157_2' });
    expect(rows[onFork]).toMatchObject({ parentRequestId: fork, branchId: 'branch_20261121093157' });
  });

  it('says where a candidate lies that lost, until it is deleted', async () => {
    const history = [user('tell me a riddle nobody knows')];
    const reply = { content: [text('What has keys?')] };
    const own = send(150, turn('s-twin-1', history), reply);
    const other = send(151, turn('s-twin-2', history), reply);
    const next = send(152, turn('s-twin-1', [...history, assistant(reply.content), user('a piano')]), reply);
    expect((await detailOf(own)).requests.map(({ requestId }) => requestId)).toEqual([own, next]);
    const { conversationId, title } = (await detailOf(other)).conversation;
    const lost = { requestId: other, signal: 'response-prefix', why: expect.any(String) as string };
    const timestamp = (await recording.read('getRequest', other))!.timestamp;
    expect((await recording.read('getLink', next))!.candidates).toEqual([
      { ...lost, conversationId, title, timestamp },
    ]);
    await recording.command('deleteConversation', conversationId);
    expect((await recording.read('getLink', next))!.candidates).toEqual([
      { ...lost, conversationId: null, title: null, timestamp: null },
    ]);
  });

  it('takes the same request after a failure for a retry', async () => {
    const body = turn('s-retry', [user('try me')]);
    const failed = send(200, body, null);
    const retried = send(201, body, { content: [text('ok')] });
    const detail = await detailOf(failed);
    expect(rowsOf(detail)[retried]).toMatchObject({
      retryOf: failed,
      branchId: 'main',
      parentRequestId: null,
    });
    expect(detail.conversation).toMatchObject({ requestCount: 2, errorCount: 1, branchCount: 1 });
  });

  it('gives a sub-task its branch while the call still streams', async () => {
    const prompt = 'Explore the repository and report';
    const history = [user('do it in parallel')];
    const spawns = [
      toolUse('toolu_s1', 'Agent', { prompt, subagent_type: 'Explore', description: 'x' }),
      toolUse('toolu_s2', 'Agent', { prompt: 'Another one', description: 'y' }),
    ];
    const chunks = streamOf({ content: spawns, stopReason: 'tool_use' });
    const script = {
      at: T0 + 300_000,
      head: { headers: [] as [string, string][] },
      body: turn('s-sub', history),
    };
    // Up to the end of the first call's block: no message_stop, no end frame.
    const half = chunks.slice(0, 4);
    const { id: parent } = recording.write({
      ...script,
      response: { headers: SSE, chunks: half },
      end: null,
    });
    const agent: [string, string][] = [['x-claude-code-agent-id', 'agent-1']];
    const child = send(
      301,
      turn('s-sub', [user([text('<system-reminder>x</system-reminder>'), text(prompt)])], {
        system: [text('You are an agent')],
      }),
      { content: [text('Report.')] },
      agent,
    );
    await recording.recorder.drain();
    recording.write({ ...script, id: parent, response: { headers: SSE, chunks } });
    const detail = await detailOf(parent);
    expect(rowsOf(detail)[child]).toMatchObject({
      branchId: 'subtask_1',
      isSubtask: true,
      parentTaskRequestId: parent,
      parentRequestId: parent,
    });
    expect(rowsOf(detail)[parent]).toMatchObject({ branchId: 'main', isSubtask: false });
    expect(detail.invocations).toEqual([
      {
        toolUseId: 'toolu_s1',
        parentRequestId: parent,
        name: 'Agent',
        prompt,
        agentType: 'Explore',
        branchId: 'subtask_1',
        state: 'done',
      },
      {
        toolUseId: 'toolu_s2',
        parentRequestId: parent,
        name: 'Agent',
        prompt: 'Another one',
        agentType: null,
        branchId: 'subtask_2',
        state: 'running',
      },
    ]);
    expect(detail.conversation).toMatchObject({ branchCount: 2, subtaskBranchCount: 1 });
  });

  it('links a compacted session to the conversation it sums up', async () => {
    const history = [user('a long story'), assistant([text('Once upon a time.')])];
    const root = send(400, turn('s-compact', [history[0]]), { content: [text('Once upon a time.')] });
    const summary = `The user asked for a long story. ${'It went on and on. '.repeat(20)}`;
    const request = [
      ...history,
      user(
        'CRITICAL: Respond with TEXT ONLY. Your task is to create a detailed summary of the conversation so far.',
      ),
    ];
    const asks = send(401, turn('s-compact', request), {
      content: [text(`<summary>\n${summary}\n</summary>`)],
    });
    const goesOn = [
      user(
        `This session is being continued from a previous conversation that ran out of context.\n${summary}`,
      ),
      user('go on'),
    ];
    const after = send(402, turn('s-compact', goesOn), { content: [text('Then …')] });
    const detail = await detailOf(root);
    expect(rowsOf(detail)[asks]).toMatchObject({ parentRequestId: root, branchId: 'main' });
    expect(rowsOf(detail)[after]).toMatchObject({
      branchId: expect.stringMatching(/^compact_\d{6}$/) as string,
    });
    expect(detail.conversation.compactBranchCount).toBe(1);
    expect(await recording.read('getLink', after)).toMatchObject({ signal: 'compaction' });
  });

  it('keeps side calls of the session beside the conversation', async () => {
    const title = send(
      500,
      {
        ...turn('s-side', [user('name this')], { tools: [] }),
        system: 'Generate a concise, sentence-case title',
      },
      { content: [text('{"title":"x"}')] },
      [['user-agent', 'claude-cli/2.1.113 (external, cli)']],
    );
    const main = send(501, turn('s-side', [user('name this')]), { content: [text('ok')] });
    const detail = await detailOf(main);
    expect(detail.requests.map((row) => row.requestId)).toEqual([main]);
    expect(detail.sideCalls.map((row) => [row.requestId, row.requestType])).toEqual([
      [title, 'query_evaluation'],
    ]);
  });

  it('follows a thread whose history the server holds', async () => {
    const body = (messages: unknown[], thread: unknown) => ({
      model: 'm',
      max_tokens: 9,
      stream: true,
      messages,
      thread,
    });
    const first = send(600, body([user('begin a thread')], { type: 'create' }), {
      id: 'msg_thread_1',
      content: [text('begun')],
    });
    const second = send(
      601,
      body([user('go on')], { type: 'continue', previous_message_id: 'msg_thread_1' }),
      { id: 'msg_thread_2', content: [text('gone on')] },
    );
    const whole = [
      user('begin a thread'),
      assistant([text('begun')]),
      user('go on'),
      assistant([text('gone on')]),
      user('and on'),
    ];
    const third = send(602, body(whole, { type: 'create' }), { content: [text('further')] });
    const rows = rowsOf(await detailOf(first));
    expect(rows[second]).toMatchObject({ parentRequestId: first, branchId: 'main', messageCount: 3 });
    expect(rows[third]).toMatchObject({ parentRequestId: second, branchId: 'main' });
    expect(await recording.read('getLink', second)).toMatchObject({ signal: 'thread' });
  });
});
