import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { conversationQuery, requestQuery } from '../../src/protocol/queries.ts';
import { openDatabase, VACUUM_STEPS } from '../../src/sidecar/store/database.ts';
import { tablesToVacuum } from '../../src/sidecar/store/table-sizes.ts';
import type { Store } from '../../src/sidecar/store/tables.ts';
import { createTestDatabase, engines, type TestDatabase } from '../support/databases.ts';
import { assistant, JSON_TYPE, SSE, streamOf, text, turn, user } from '../support/messages.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { startRecording, type Recording } from '../support/recording.ts';
import { faults, withStore } from '../support/store-checks.ts';
import { until } from '../support/until.ts';

const server = usePostgres();
const DAY = 86_400_000;
const NOW = Date.now();

describe.each(engines)('retention on %s', (engine) => {
  let made: TestDatabase;
  let recording: Recording;
  beforeEach(async () => {
    made = await createTestDatabase(engine, server());
    recording = startRecording(made);
  });
  afterEach(async () => {
    await recording.close();
    await made.remove();
  });

  /** One request of so many days ago; `noise` bytes of it are like nothing else. */
  const ask = (session: string, daysAgo: number, noise = 0, end?: null): string =>
    recording.write({
      at: NOW - daysAgo * DAY,
      body: turn(session, [user(`the words of ${session}${randomText(noise)}`)]),
      response: {
        headers: SSE,
        chunks: streamOf({ content: [text('an answer')] }).slice(0, end === null ? 2 : 99),
      },
      ...(end === null ? { end } : {}),
    }).id;
  const quota = (session: string, daysAgo: number): string =>
    recording.write({
      at: NOW - daysAgo * DAY,
      body: turn(session, [user('quota')], { max_tokens: 1 }),
      response: { headers: SSE, chunks: streamOf({ content: [text('#')] }) },
    }).id;
  const countTokens = (daysAgo: number): string =>
    recording.write({
      at: NOW - daysAgo * DAY,
      head: { path: '/v1/messages/count_tokens' },
      body: { model: 'claude-1', messages: [user('count')] },
      response: { headers: JSON_TYPE, chunks: ['{"input_tokens":5}'] },
    }).id;
  const stored = async (): Promise<string[]> =>
    (await recording.read('listRequests', requestQuery.parse({ limit: 200 }))).requests.map(
      (row) => row.requestId,
    );
  const pin = async (requestId: string): Promise<void> => {
    const { conversationId } = (await recording.read('getRequest', requestId, ['conversationId']))!;
    await recording.command('setPinned', conversationId!, true);
  };
  /** Closes the recorder and looks at all rows. */
  const sound = async (look: (db: Store) => Promise<void> = () => Promise.resolve()): Promise<void> => {
    await recording.close();
    await withStore(made, async (db) => {
      expect(await faults(db)).toEqual([]);
      await look(db);
    });
    expect(recording.logs.filter((line) => line.startsWith('error'))).toEqual([]);
  };

  it('deletes what had its last request too long ago', async () => {
    const old = [ask('old', 40), quota('old', 40), countTokens(35), ask('older', 50)];
    const pinned = [ask('pinned', 60), quota('pinned', 60)];
    const lately = [ask('lately', 40), quota('lately', 40), ask('new', 1), countTokens(1)];
    await recording.recorder.drain();
    // Begun long ago and still going on.
    lately.push(
      recording.write({
        at: NOW - 2 * DAY,
        body: turn('lately', [user('the words of lately'), assistant([text('an answer')]), user('and now')]),
        response: { headers: SSE, chunks: streamOf({ content: [text('yes')] }) },
      }).id,
    );
    await recording.recorder.drain();
    await pin(pinned[0]!);
    expect(await recording.command('prune', { dryRun: false })).toMatchObject({ removed: { exchanges: 0 } });

    const planned = await recording.command('prune', { olderThanDays: 30, dryRun: true });
    expect(planned).toMatchObject({ done: true, dryRun: true, removed: { conversations: 2, exchanges: 2 } });
    expect(await stored()).toHaveLength(old.length + pinned.length + lately.length);

    const pruned = await recording.command('prune', { olderThanDays: 30, dryRun: false });
    expect(pruned).toMatchObject({
      done: true,
      dryRun: false,
      removed: { conversations: 2, exchanges: old.length },
    });
    expect((await stored()).sort()).toEqual([...pinned, ...lately].sort());
    // Events are told together, a moment after what they tell of.
    const told = await until('both deletions', 10_000, () => {
      const ids = recording.events.flatMap(({ name, ids }) => (name === 'conversation.deleted' ? ids : []));
      return Promise.resolve(ids.length >= 2 ? ids : undefined);
    });
    expect(told).toHaveLength(2);
    await sound(async (db) => {
      const { rows } = await sql<{ n: number }>`select count(*) as n from usage`.execute(db);
      expect(rows[0]!.n).toBe(old.length + pinned.length + lately.length);
    });
  });

  it('never deletes what is running', async () => {
    const running = ask('running', 0.5, 0, null);
    const ended = ask('ended', 0.6);
    await recording.recorder.drain();
    await recording.command('prune', { olderThanDays: 0.1, dryRun: false });
    expect(await stored()).toEqual([running]);
    expect(await stored()).not.toContain(ended);
  });

  it('deletes the oldest until the store is small enough', async () => {
    const ids = Array.from({ length: 8 }, (_, n) => ask(`s-${String(n)}`, 20 - n, 40_000));
    const [pinned] = ids;
    countTokens(30);
    await recording.recorder.drain();
    await pin(pinned!);
    const all = await recording.command('prune', { maxBytes: 1e9, dryRun: false });
    expect(all.removed.exchanges).toBe(0);
    // Each is about 30 KB compressed.
    const planned = await recording.command('prune', { maxBytes: 150_000, dryRun: true });
    const pruned = await recording.command('prune', { maxBytes: 150_000, dryRun: false });
    expect(pruned.removed.conversations).toBeGreaterThan(2);
    expect(pruned.removed.conversations).toBeLessThan(7);
    expect(Math.abs(planned.removed.conversations - pruned.removed.conversations)).toBeLessThan(2);
    expect(pruned.removed.bytes).toBeGreaterThan(60_000);
    // The oldest but for the pinned one, and the call that was older still.
    expect((await stored()).sort()).toEqual([pinned!, ...ids.slice(1 + pruned.removed.conversations)].sort());
    const again = await recording.command('prune', { maxBytes: 150_000, dryRun: false });
    expect(again.removed.exchanges).toBe(0);
    await sound();
  });

  it('runs by itself, as the settings say, and removes old journal files', async () => {
    const old = ask('old', 40);
    const kept = ask('new', 1);
    await recording.recorder.drain();
    await recording.close();
    const failed = join(made.dataDir, 'journal', 'failed');
    mkdirSync(failed, { recursive: true });
    for (const [name, days] of [
      ['old.nxj', 31],
      ['new.nxj', 29],
    ] as const) {
      writeFileSync(join(failed, name), 'what could not be recorded');
      utimesSync(join(failed, name), NOW / 1000 - days * 86_400, NOW / 1000 - days * 86_400);
    }
    recording = startRecording(made, {
      recorder: { retention: { days: 30, bytes: 0 }, housekeepingMs: { first: 50, every: 60_000 } },
    });
    await until('retention', 60_000, async () => ((await stored()).includes(old) ? undefined : true));
    await until('its log line', 60_000, () =>
      Promise.resolve(
        recording.logs.some((line) => line.includes('Old conversations were deleted')) ? true : undefined,
      ),
    );
    expect(await stored()).toEqual([kept]);
    expect(existsSync(join(failed, 'old.nxj'))).toBe(false);
    expect(existsSync(join(failed, 'new.nxj'))).toBe(true);
    expect(recording.logs.join('\n')).toContain('"files":["old.nxj"]');
    await sound();
  });

  it('reports what the store holds, and makes room', async () => {
    for (let n = 0; n < 5; n++) ask(`s-${String(n)}`, n / 100, 10_000);
    await recording.recorder.drain();
    // Recorded from the newest on, they were looked at once more.
    const before = await until('an idle housekeeper', 30_000, async () => {
      const report = await recording.read('getStorage');
      return report.housekeeping.task === null ? report : undefined;
    });
    expect(before).toMatchObject({ exchanges: 5, estimated: false, housekeeping: { waiting: 0 } });
    expect(before.byKind.map((row) => row.kind)).toEqual(
      expect.arrayContaining(['message', 'node', 'exchange']),
    );
    expect(before.byKind.find((row) => row.kind === 'message')!.bytes).toBeGreaterThan(5 * 5000);
    expect(before.blocks).toBe(
      before.byKind
        .filter((row) => !['node', 'exchange'].includes(row.kind))
        .reduce((n, row) => n + row.rows, 0),
    );
    expect(before.totalBytes).toBe(
      before.database.tables.reduce((sum, table) => sum + table.bytes + table.indexBytes, 0),
    );
    expect(before.bytesPerExchange).toBe(Math.round(before.totalBytes / 5));
    const tables = new Map(before.database.tables.map((table) => [table.name, table]));
    expect(tables.get('request')).toMatchObject({ rows: 5 });
    expect(tables.get('usage')).toMatchObject({ rows: 5 });
    expect(before.database.connections).toBeGreaterThan(0);
    expect(before.growthPerDay.reduce((sum, day) => sum + day.bytes, 0)).toBeGreaterThan(5 * 5000);
    expect(before.growthPerDay.at(-1)!.date).toBe(new Date(NOW).toISOString().slice(0, 10));
    expect(before.journal).toEqual({ waiting: { files: 0, bytes: 0 }, failed: { files: 0, bytes: 0 } });
    const { conversations } = await recording.read('listConversations', conversationQuery.parse({}));
    for (const row of conversations) await recording.command('deleteConversation', row.conversationId);
    const report = await recording.command('vacuum');
    expect(report.done).toBe(true);
    expect(report.tables.map((table) => table.name)).toEqual(
      expect.arrayContaining(['block', 'request', 'answer', 'usage']),
    );
    expect((await recording.read('getStorage')).blocks).toBe(0);
    await sound();
  });
});

it('an embedded table is due for a vacuum when many of its rows are new, or dead, and not after it', async () => {
  const made = await createTestDatabase('pglite', null);
  const database = await openDatabase(made.options);
  const { db } = database;
  // The counts of a transaction are there a moment after it.
  const due = (expected: boolean): Promise<true> =>
    until('the counts', 60_000, async () =>
      (await tablesToVacuum(db, 'worn')).includes('setting') === expected ? true : undefined,
    );
  const steps = async (): Promise<void> => {
    for (const step of VACUUM_STEPS) await database.vacuum('setting', step, new AbortController().signal);
  };
  await sql`insert into setting select 'made-up-' || n, '' from generate_series(1, 2000) as n`.execute(db);
  await due(true);
  await steps();
  await due(false);
  await sql`delete from setting where name like 'made-up-%'`.execute(db);
  await due(true);
  await steps();
  await due(false);
  await database.close();
  await made.remove();
});

/** Text that compresses to two thirds, the same in every run. */
function randomText(length: number): string {
  let state = 88_172_645;
  let out = '';
  while (out.length < length) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    out += (state >>> 0).toString(36);
  }
  return out;
}
