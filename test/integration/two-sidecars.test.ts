import { expect, it } from 'vitest';
import { createTestDatabase, type EngineName } from '../support/databases.ts';
import { assistant, SSE, streamOf, text, turn, user } from '../support/messages.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { startRecording, type ScriptedExchange } from '../support/recording.ts';
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
