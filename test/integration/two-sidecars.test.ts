import { expect, it } from 'vitest';
import type { RequestRow } from '../../src/protocol/rows.ts';
import { createTestDatabase, type EngineName, type TestDatabase } from '../support/databases.ts';
import { assistant, SSE, streamOf, text, toolUse, turn, user, type Reply } from '../support/messages.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { leaveBehind, startRecording, type Recording, type ScriptedExchange } from '../support/recording.ts';
import { until } from '../support/until.ts';

const server = usePostgres();
const TURNS = 25;

/** The nth turn of a conversation; both sidecars see conversations with the same content, down to the block. */
const turnOf = (session: string, n: number): ScriptedExchange => ({
  at: Date.now(),
  body: turn(
    session,
    Array.from({ length: n }, (_, index) => [
      user(`ask ${String(index)}`),
      assistant([text(`re ${String(index)}`)]),
    ])
      .flat()
      .concat(user(`ask ${String(n)}`)),
  ),
  response: { headers: SSE, chunks: streamOf({ content: [text(`re ${String(n)}`)] }) },
});

it.each<EngineName>(['postgresql 15', 'postgresql 18'])(
  'two recorders with journals of their own do not disturb each other on one %s',
  async (engine) => {
    const one = await createTestDatabase(engine, server());
    const other = { ...(await createTestDatabase('pglite', null)), databaseUrl: one.databaseUrl };
    const recordings = [one, other].map((database) => startRecording(database));
    try {
      const ids: string[] = [];
      for (let n = 0; n < TURNS; n++) {
        for (const [index, recording] of recordings.entries()) {
          for (const name of ['a', 'b']) {
            ids.push(recording.write(turnOf(`${name}-${String(index)}`, n)).id);
          }
        }
      }
      for (const recording of recordings) {
        await recording.recorder.drain();
        await until('all told', 20_000, () =>
          Promise.resolve(recording.status().recorded === 2 * TURNS ? true : undefined),
        );
        expect(recording.status()).toMatchObject({ failed: 0, dropped: 0, lastError: null });
        expect(recording.logs.filter((line) => /^(?:warn|error)/.test(line))).toEqual([]);
        expect(recording.files()).toEqual([]);
      }
      const reader = recordings[0]!;
      const { requests } = await reader.read('listRequests', { limit: 200 });
      expect(requests.map((row) => row.requestId).toSorted()).toEqual(ids.toSorted());
      expect(requests.filter((row) => row.state !== 'completed')).toEqual([]);
      const { conversations } = await reader.read('listConversations', { limit: 50 });
      const total = conversations.reduce((sum, { requestCount }) => sum + requestCount, 0);
      expect(total).toBe(4 * TURNS);
    } finally {
      for (const recording of recordings) await recording.close();
      await one.remove();
      await other.remove();
    }
  },
);

/** Two sidecars' databases: one PostgreSQL, a data directory each. */
async function twoOnOne(engine: EngineName): Promise<[TestDatabase, TestDatabase]> {
  const one = await createTestDatabase(engine, server());
  return [one, { ...(await createTestDatabase('pglite', null)), databaseUrl: one.databaseUrl }];
}

/** Waits until whatever came late is linked. */
async function nothingToDo(recording: Recording): Promise<void> {
  await until('nothing more to do', 20_000, async () => {
    const { housekeeping } = await recording.read('getStorage');
    return (housekeeping.task === null && housekeeping.waiting === 0) || undefined;
  });
}

async function rowsOf(reader: Recording): Promise<Map<string, RequestRow>> {
  const { requests } = await reader.read('listRequests', { limit: 200 });
  return new Map(requests.map((row) => [row.requestId, row]));
}

it.each<EngineName>(['postgresql 15', 'postgresql 18'])(
  'fifty children that come to two sidecars on one %s at once have one conversation and one heir',
  async (engine) => {
    const databases = await twoOnOne(engine);
    const recordings = databases.map((database) => startRecording(database));
    try {
      const at = Date.now() - 60_000;
      const parent = { ...turnOf('s-fifty', 0), at };
      recordings[0]!.write(parent);
      await recordings[0]!.recorder.drain();
      const children = Array.from({ length: 50 }, (_, index) => {
        const messages = [user('ask 0'), assistant([text('re 0')]), user(`child ${String(index)}`)];
        return {
          at: at + 1000,
          body: turn('s-fifty', messages),
          response: { headers: SSE, chunks: streamOf({ content: [text('done')] }) },
        };
      });
      const ids = children.map((child, index) => recordings[index % 2]!.write(child).id);
      for (const recording of recordings) await recording.recorder.drain();
      for (const recording of recordings) await nothingToDo(recording);
      const rows = await rowsOf(recordings[0]!);
      expect(ids.filter((id) => rows.get(id)?.branchId === 'main')).toHaveLength(1);
      const found = ids.map((id) => rows.get(id)!);
      expect(new Set(found.map((row) => row.conversationId)).size).toBe(1);
      expect(new Set(found.map((row) => row.branchId)).size).toBe(50);
      expect(new Set(found.map((row) => row.parentRequestId)).size).toBe(1);
      const detail = await recordings[1]!.read('getConversation', found[0]!.conversationId!);
      expect(detail?.conversation).toMatchObject({
        requestCount: 51,
        branchCount: 50,
        totalTokens: 51 * 126,
      });
    } finally {
      for (const recording of recordings) await recording.close();
      for (const database of databases) await database.remove();
    }
  },
);

it.each<EngineName>(['postgresql 15', 'postgresql 18'])(
  'what one sidecar has kept in its journal is linked when it catches up on one %s',
  async (engine) => {
    const databases = await twoOnOne(engine);
    const at = Date.now() - 600_000;
    const send = (
      seconds: number,
      body: Record<string, unknown>,
      reply: Reply,
      agent?: string,
    ): ScriptedExchange => ({
      at: at + seconds * 1000,
      head: { headers: agent === undefined ? [] : [['x-claude-code-agent-id', agent]] },
      body,
      response: { headers: SSE, chunks: streamOf(reply) },
    });
    const summary = `The user asked for it. ${'It went on and on. '.repeat(20)}`;
    const calls = ['one', 'two'].map((name) =>
      toolUse(`toolu_${name}`, 'Agent', { prompt: `look at ${name}` }),
    );
    const history = [user('do it'), assistant([text('I ask others.'), ...calls])];
    const asks = user(
      'CRITICAL: Respond with TEXT ONLY. Your task is to create a detailed summary of the conversation so far.',
    );
    const goesOn = `This session is being continued from a previous conversation that ran out of context.\n${summary}`;
    const own = startRecording(databases[0]);
    let other: Recording | null = null;
    try {
      // Here came what the other one's requests led to …
      const child = own.write(
        send(2, turn('s-late', [user('look at two')]), { content: [text('seen')] }, 'agent-2'),
      );
      const next = own.write(send(5, turn('s-late', [...history, user('go on')]), { content: [text('on')] }));
      const after = own.write(send(20, turn('s-late', [user(goesOn)]), { content: [text('then')] }));
      await own.recorder.drain();
      const before = await rowsOf(own);
      expect(new Set([child, next, after].map(({ id }) => before.get(id)!.conversationId)).size).toBe(3);
      // … and there, to a sidecar that could not reach the database for a while, what they hang from.
      const root = leaveBehind(
        databases[1].dataDir,
        send(0, turn('s-late', [user('do it')]), { content: [text('I ask others.'), ...calls] }),
      );
      const first = leaveBehind(
        databases[1].dataDir,
        send(1, turn('s-late', [user('look at one')]), { content: [text('seen')] }, 'agent-1'),
      );
      const summed = leaveBehind(
        databases[1].dataDir,
        send(10, turn('s-late', [...history, user('go on'), assistant([text('on')]), asks]), {
          content: [text(`<summary>\n${summary}\n</summary>`)],
        }),
      );
      other = startRecording(databases[1]);
      await other.recorder.ready;
      await other.recorder.drain();
      const told = other;
      await nothingToDo(told);
      const rows = await rowsOf(own);
      const place = ({ id }: { id: string }) => {
        const { parentRequestId, branchId, isSubtask } = rows.get(id)!;
        return [parentRequestId, branchId, isSubtask];
      };
      expect(place(root)).toEqual([null, 'main', false]);
      expect(place(first)).toEqual([root.id, 'subtask_1', true]);
      expect(place(child)).toEqual([root.id, 'subtask_2', true]);
      expect(place(next)).toEqual([root.id, 'main', false]);
      expect(place(summed)).toEqual([next.id, 'main', false]);
      expect(place(after)).toEqual([summed.id, expect.stringMatching(/^compact_\d{6}$/), false]);
      expect(await own.read('getLink', child.id)).toMatchObject({ signal: 'spawn-prompt' });
      expect(await own.read('getLink', after.id)).toMatchObject({ signal: 'compaction' });
      const gone = before.get(next.id)!.conversationId!;
      expect(await own.read('getConversation', gone)).toBeNull();
      await until('told', 5000, () =>
        Promise.resolve(
          told.events.some(({ name, ids }) => name === 'conversation.deleted' && ids.includes(gone)) ||
            undefined,
        ),
      );
      const detail = await own.read('getConversation', rows.get(root.id)!.conversationId!);
      expect(detail?.conversation).toMatchObject({
        title: 'do it',
        requestCount: 6,
        totalTokens: 6 * 126,
        latestRequestId: after.id,
        subtaskBranchCount: 2,
        compactBranchCount: 1,
      });
      for (const recording of [own, other]) {
        expect(recording.logs.filter((line) => /^(?:warn|error)/.test(line))).toEqual([]);
      }
    } finally {
      await own.close();
      await other?.close();
      for (const database of databases) await database.remove();
    }
  },
);
