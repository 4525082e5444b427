import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { ConversationPage, RequestPage } from '../../src/protocol/rows.ts';
import { storageReport, type StorageReport } from '../../src/protocol/storage.ts';
import { createTestDatabase, type EngineName } from '../support/databases.ts';
import { assistant, SSE, streamOf, text, turn, user } from '../support/messages.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { leaveBehind } from '../support/recording.ts';
import { databaseOpen, startSidecar, type TestSidecar, stopRecorded } from '../support/sidecar.ts';
import { faults, withStore } from '../support/store-checks.ts';
import { until } from '../support/until.ts';

const server = usePostgres();
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const SHARED = 40;
const DOOMED = 400;
const T0 = Date.now() - 86_400_000;

/** The journal of a conversation's turns as an earlier life left it; the ids of its requests. */
function talk(dataDir: string, name: string, turns: number): string[] {
  const messages: unknown[] = [user('the same first words')];
  return Array.from({ length: turns }, (_, n) => {
    // Two conversations have these in common, said in sessions of their own.
    const by = n < SHARED ? 'both' : name;
    const said = `an answer to ${by}, number ${String(n)}`;
    const { id } = leaveBehind(dataDir, {
      at: T0 + n * 1000 + name.length,
      body: turn(`session-${name}`, messages),
      response: { headers: SSE, chunks: streamOf({ id: `${name}-${String(n)}`, content: [text(said)] }) },
    });
    messages.push(assistant([text(said)]), user(`go on ${by} ${String(n)}`));
    return id;
  });
}

async function json<T>(sidecar: TestSidecar, path: string): Promise<T> {
  const answer = await sidecar.api(path);
  if (!answer.ok) throw new Error(`${path}: ${String(answer.status)} ${await answer.text()}`);
  return (await answer.json()) as T;
}
const storageOf = async (sidecar: TestSidecar): Promise<StorageReport> =>
  storageReport.parse(await json(sidecar, '/api/storage'));

/** Looks again and again, as fast as it is answered: a deletion lasts a second. */
async function killWhen(
  sidecar: TestSidecar,
  wanted: (report: StorageReport) => boolean,
): Promise<StorageReport> {
  for (const limit = Date.now() + 60_000; ;) {
    const report = await storageOf(sidecar);
    if (wanted(report)) {
      await sidecar.kill();
      return report;
    }
    if (Date.now() > limit) throw new Error(`This moment did not come: ${wanted.toString()}`);
  }
}

test.each(['pglite', 'postgresql 18'] satisfies EngineName[])(
  'kill -9 in the middle of deleting a conversation, and again in the rest of it: %s',
  async (engine) => {
    const database = await createTestDatabase(engine, server());
    const { dataDir, databaseUrl } = database;
    cleanups.push(() => database.remove());
    const doomed = talk(dataDir, 'doomed', DOOMED);
    const kept = talk(dataDir, 'kept', SHARED + 20);
    const start = async (): Promise<TestSidecar> => {
      const sidecar = await startSidecar({
        dataDir,
        env: { LOG_LEVEL: 'debug' },
        ...(databaseUrl === null ? {} : { databaseUrl }),
      });
      cleanups.push(() => sidecar.kill());
      await databaseOpen(sidecar);
      return sidecar;
    };
    const readKept = async (sidecar: TestSidecar): Promise<unknown[]> => {
      const details: unknown[] = [];
      for (const id of kept) details.push(await json(sidecar, `/api/requests/${id}`));
      return details;
    };

    const first = await start();
    await until('all of it recorded', 90_000, async () =>
      (await storageOf(first)).journal.waiting.files === 0 ? true : undefined,
    );
    const { conversations } = await json<ConversationPage>(first, '/api/conversations');
    const byCount = new Map(conversations.map((row) => [row.requestCount, row.conversationId]));
    const [gone, whole] = [byCount.get(doomed.length)!, byCount.get(kept.length)!];
    const before = { kept: await readKept(first), tree: await json(first, `/api/conversations/${whole}`) };
    const all = await storageOf(first);
    expect(all.exchanges).toBe(doomed.length + kept.length);

    // Nobody waits for the answer: the sidecar dies over it.
    const answered = first.api(`/api/conversations/${gone}`, { method: 'DELETE' }).catch(() => null);
    const inRequests = await killWhen(first, ({ exchanges }) => exchanges < all.exchanges);
    await answered;
    expect(inRequests.exchanges).toBeGreaterThan(kept.length);

    // It goes on by itself, and dies again as soon as only content is left (or, on a quick machine, nothing).
    const second = await start();
    await killWhen(second, ({ exchanges }) => exchanges === kept.length);

    const logOf = (): string => readFileSync(join(dataDir, 'logs/sidecar.log'), 'utf8');
    const said = logOf().length;
    const third = await start();
    await until('the end of the deletion', 60_000, async () => {
      // The life before may have died between the last row and saying so.
      const finished =
        /Deletions that were begun earlier are finished|No earlier deletion is unfinished/.test(
          logOf().slice(said),
        );
      return finished && (await storageOf(third)).housekeeping.task === null ? true : undefined;
    });
    expect((await third.api(`/api/conversations/${gone}`)).status).toBe(404);
    expect((await third.api(`/api/requests/${doomed[0]!}`)).status).toBe(404);
    expect((await third.api(`/api/requests/${doomed.at(-1)!}`)).status).toBe(404);
    expect((await json<RequestPage>(third, '/api/requests?limit=200')).requests).toHaveLength(kept.length);
    expect(await json(third, `/api/conversations/${whole}`)).toEqual(before.tree);
    expect(await readKept(third)).toEqual(before.kept);
    const left = await storageOf(third);
    expect(left.exchanges).toBe(kept.length);
    expect(left.blocks).toBeLessThan(all.blocks);
    await stopRecorded(third);
    // Nothing of it is left, and what both said is whole.
    expect(await withStore(database, faults)).toEqual([]);
  },
);
