import { describe, expect, it } from 'vitest';
import type { ConversationDetail } from '../../src/protocol/rows.ts';
import { engines } from '../support/databases.ts';
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
import { usePostgres } from '../support/postgres-suite.ts';
import type { Recording } from '../support/recording.ts';
import { useRecording } from '../support/recording-suite.ts';

const T0 = Date.UTC(2026, 10, 21, 9, 30, 15);
const CLIENT: [string, string] = ['user-agent', 'claude-cli/2.1.113 (external, cli)'];

const server = usePostgres();

describe.each(engines)('sub-tasks, titles and cut histories on %s', (engine) => {
  let recording: Recording;
  useRecording(engine, server, (begun) => {
    recording = begun;
  });

  /** Sends a turn `seconds` after the start. `cut`: its stream breaks off behind the answer's blocks. */
  const send = (
    seconds: number,
    body: Record<string, unknown>,
    reply: Reply,
    more: { agent?: string; cut?: boolean; aborted?: boolean; headers?: [string, string][] } = {},
  ) => {
    const agent: [string, string][] =
      more.agent === undefined ? [] : [['x-claude-code-agent-id', more.agent]];
    const broken = more.cut === true || more.aborted === true;
    const chunks = streamOf(reply);
    return recording.write({
      at: T0 + seconds * 1000,
      head: { headers: [['content-type', 'application/json'], ...agent, ...(more.headers ?? [])] },
      body,
      response: { headers: SSE, chunks: broken ? chunks.slice(0, -2) : chunks },
      end: { reason: more.aborted === true ? 'client-aborted' : broken ? 'upstream-error' : 'complete' },
    }).id;
  };
  const detailOf = async (id: string): Promise<ConversationDetail> => {
    await recording.recorder.drain();
    expect(recording.logs.filter((line) => line.startsWith('error'))).toEqual([]);
    const { conversationId } = (await recording.read('getRequest', id, ['conversationId']))!;
    return (await recording.read('getConversation', conversationId!))!;
  };
  const statesOf = ({ invocations }: ConversationDetail) =>
    invocations.map(({ toolUseId, parentRequestId, branchId, state }) => [
      toolUseId,
      parentRequestId,
      branchId,
      state,
    ]);
  const agentCall = (id: string, prompt: string) => toolUse(id, 'Agent', { prompt, description: 'x' });

  it('calls of a try that failed are taken over by the retry that makes them again', async () => {
    const body = turn('s-again', [user('in parallel, please')]);
    const calls = (from: string) => ({
      content: [agentCall(`${from}1`, 'first part'), agentCall(`${from}2`, 'second part')],
    });
    const failed = send(0, body, calls('toolu_f'), { cut: true });
    expect(statesOf(await detailOf(failed))).toEqual([
      ['toolu_f1', failed, 'subtask_1', 'failed'],
      ['toolu_f2', failed, 'subtask_2', 'failed'],
    ]);
    const again = send(2, { ...body, max_tokens: 99, stream: true }, calls('toolu_g'));
    const late = send(
      3,
      turn('s-again', [user('second part')]),
      { content: [text('done')] },
      { agent: 'a2' },
    );
    const rows = await detailOf(again);
    expect(statesOf(rows)).toEqual([
      ['toolu_g1', again, 'subtask_1', 'running'],
      ['toolu_g2', again, 'subtask_2', 'done'],
    ]);
    expect(rows.requests.find(({ requestId }) => requestId === late)).toMatchObject({
      parentRequestId: again,
      branchId: 'subtask_2',
    });
  });

  it('a sub-task runs while it works in the background, fails when it is given up, and is over when it said all', async () => {
    const prompt = user('two in the background');
    const calls = [agentCall('toolu_b1', 'watch the build'), agentCall('toolu_b2', 'watch the tests')];
    const parent = send(100, turn('s-back', [prompt]), { content: calls });
    const started = user([toolResult('toolu_b1', 'started'), toolResult('toolu_b2', 'started')]);
    const on = send(101, turn('s-back', [prompt, assistant(calls), started]), {
      content: [text('They watch.')],
    });
    const watch = (agent: string, words: string, at: number) =>
      send(
        at,
        turn('s-back', [user(words)]),
        { content: [toolUse(`toolu_${agent}`, 'Bash', { command: 'x' })] },
        { agent },
      );
    watch('w1', 'watch the build', 102);
    watch('w2', 'watch the tests', 103);
    const states = async () => statesOf(await detailOf(parent)).map(([, , , state]) => state);
    expect(await states()).toEqual(['running', 'running']);
    const more = (agent: string, words: string): Record<string, unknown> =>
      turn('s-back', [
        user(words),
        assistant([toolUse(`toolu_${agent}`, 'Bash', { command: 'x' })]),
        user([toolResult(`toolu_${agent}`, 'ok')]),
      ]);
    send(104, more('w1', 'watch the build'), { content: [text('It is green.')] }, { agent: 'w1' });
    send(105, more('w2', 'watch the tests'), { content: [text('They a')] }, { agent: 'w2', aborted: true });
    expect(await states()).toEqual(['done', 'failed']);
    expect((await detailOf(on)).conversation).toMatchObject({ branchCount: 3, subtaskBranchCount: 2 });
  });

  it('a call that nobody carried out is over when its parent goes on, in a sub-task, too', async () => {
    const prompt = user('ask somebody');
    const call = [agentCall('toolu_n1', 'ask somebody else')];
    const parent = send(200, turn('s-nobody', [prompt]), { content: call });
    const inner = [agentCall('toolu_n2', 'whoever is there')];
    const child = turn('s-nobody', [user('ask somebody else')]);
    send(201, child, { content: inner }, { agent: 'n1' });
    const states = async () =>
      statesOf(await detailOf(parent)).map(([id, , branch, state]) => [id, branch, state]);
    expect(await states()).toEqual([
      ['toolu_n1', 'subtask_1', 'running'],
      ['toolu_n2', 'subtask_2', 'running'],
    ]);
    const refused = user([toolResult('toolu_n2', 'refused')]);
    send(
      202,
      turn('s-nobody', [user('ask somebody else'), assistant(inner), refused]),
      { content: [text('no')] },
      { agent: 'n1' },
    );
    expect(await states()).toEqual([
      ['toolu_n1', 'subtask_1', 'done'],
      ['toolu_n2', 'subtask_2', 'done'],
    ]);
  });

  it('a sub-task that sums itself up is not over with the summary', async () => {
    const call = [agentCall('toolu_c1', 'read it all')];
    const parent = send(250, turn('s-sums', [user('somebody has to read it all')]), { content: call });
    const agent = { agent: 'c1' };
    send(251, turn('s-sums', [user('read it all')]), { content: [text('It is long.')] }, agent);
    const sums = 'Your task is to create a detailed summary of the conversation so far.';
    const summary = 'It was read up to the middle, and there is nothing in it so far.';
    const history = [user('read it all'), assistant([text('It is long.')])];
    send(
      252,
      turn('s-sums', [...history, user(sums)]),
      { content: [text(`<summary>${summary}</summary>`)] },
      agent,
    );
    const goesOn = user(`This session is being continued from a previous conversation.\n${summary}`);
    const read = { content: [toolUse('toolu_c2', 'Read', { file_path: '/b' })] };
    const after = send(253, turn('s-sums', [goesOn]), read, agent);
    const rows = await detailOf(parent);
    expect(rows.requests.at(-1)).toMatchObject({
      requestId: after,
      isSubtask: true,
      parentTaskRequestId: parent,
    });
    expect(statesOf(rows).map(([, , , state]) => state)).toEqual(['running']);
  });

  it('a conversation has the title its client was answered, whichever was there first', async () => {
    const ask = (session: string, prompt: string, more: Record<string, unknown> = {}) => ({
      ...turn(session, [user(prompt)], { tools: [] }),
      system: 'Generate a concise, sentence-case title',
      ...more,
    });
    const title = (words: string): Reply => ({ content: [text(JSON.stringify({ title: words }))] });
    const main = (at: number, session: string, prompt: string) =>
      send(at, turn(session, [user(prompt)]), { content: [text('ok')] });
    const titleOf = async (id: string) => (await detailOf(id)).conversation.title;
    const headers = { headers: [CLIENT] };

    send(300, ask('s-before', 'my test is flaky, help'), title('Flaky test'), headers);
    expect(await titleOf(main(301, 's-before', 'my test is flaky, help'))).toBe('Flaky test');

    const first = main(310, 's-after', 'now the other one');
    expect(await titleOf(first)).toBe('now the other one');
    const events = recording.events.length;
    send(311, ask('s-after', 'now the other one'), title('The other test'), headers);
    const { conversation } = await detailOf(first);
    expect(conversation.title).toBe('The other test');
    const changed = recording.events.slice(events).filter(({ name }) => name === 'conversation.changed');
    expect(changed.flatMap(({ ids }) => ids)).toContain(conversation.conversationId);
    // A later prompt of the session, another session, an answer without a title.
    send(312, ask('s-after', 'something else'), title('Something else'), headers);
    send(313, ask('s-else', 'now the other one'), title('Of another session'), headers);
    send(
      314,
      ask('s-after', 'now the other one'),
      { content: [text('{"isNewTopic": false, "title": null}')] },
      headers,
    );
    expect(await titleOf(first)).toBe('The other test');

    const topic = {
      system: 'Analyze if this message indicates a new conversation topic.',
      messages: [user([text('old clients ask so')]), assistant([text('{')])],
    };
    send(
      320,
      ask('s-topic', '', topic),
      { content: [text('"isNewTopic": true, "title": "Old clients"}')] },
      headers,
    );
    expect(await titleOf(main(321, 's-topic', 'old clients ask so'))).toBe('Old clients');
  });

  it('a history that was cut goes on from the answer it ends with', async () => {
    const talk = (at: number, messages: unknown[], says: string) =>
      send(at, turn('s-cut', messages), { content: [text(says)] });
    const whole = [user('one'), assistant([text('1')]), user('two'), assistant([text('2')]), user('three')];
    const first = talk(400, whole.slice(0, 1), '1');
    talk(401, whole.slice(0, 3), '2');
    const third = talk(402, whole, '3');
    const cut = talk(403, [user('three'), assistant([text('3')]), user('four')], '4');
    expect((await detailOf(first)).requests.at(-1)).toMatchObject({
      requestId: cut,
      parentRequestId: third,
      branchId: 'main',
    });
    expect(await recording.read('getLink', cut)).toEqual({
      signal: 'last-answer',
      matchedMessages: 0,
      candidates: [],
    });
  });
});
