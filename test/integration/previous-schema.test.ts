import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterEach, expect, it } from 'vitest';
import { conversationQuery, requestQuery } from '../../src/protocol/queries.ts';
import type {
  ConversationDetail,
  ConversationPage,
  LinkExplanation,
  RequestDetail,
  RequestPage,
  StatsRow,
} from '../../src/protocol/rows.ts';
import { openDatabase } from '../../src/sidecar/store/database.ts';
import { createTestDatabase, engines, migrationsDir, type TestDatabase } from '../support/databases.ts';
import { SSE, streamOf, text, turn, user } from '../support/messages.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { startRecording } from '../support/recording.ts';
import { faults, withStore } from '../support/store-checks.ts';
import { until } from '../support/until.ts';

/**
 * A store as the last program before schema 0005 left it, and what that program read from it once its half-done deletion
 * was finished. See `about` in the file.
 */
interface OldStore {
  ids: Record<string, string>;
  gone: string[];
  conversations: { old: string; going: string };
  running: { at: number; body: unknown };
  history: unknown[];
  partitions: { name: string; bound: string }[];
  tables: Record<string, unknown[]>;
  expected: {
    details: Record<string, { detail: RequestDetail; link: LinkExplanation }>;
    conversations: ConversationPage;
    requests: RequestPage;
    tree: ConversationDetail;
    stats: StatsRow;
  };
}
const old = JSON.parse(
  readFileSync(new URL('../fixtures/stores/schema-0004.json', import.meta.url), 'utf8'),
) as OldStore;

const server = usePostgres();
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Migrates up to 0004 only, and puts the rows there. */
async function fillAsBefore(database: TestDatabase): Promise<void> {
  const migrations = mkdtempSync(join(tmpdir(), 'nexus-migrations-'));
  for (const name of readdirSync(migrationsDir).filter((found) => found < '0005')) {
    copyFileSync(join(migrationsDir, name), join(migrations, name));
  }
  const before = await openDatabase({ ...database.options, migrationsDir: migrations });
  const { db } = before;
  for (const { name, bound } of old.partitions) {
    await sql`create table ${sql.ref(name)} partition of usage ${sql.raw(bound)}`.execute(db);
  }
  for (const [name, rows] of Object.entries(old.tables)) {
    await sql`insert into ${sql.table(name)}
      select * from json_populate_recordset(null::${sql.table(name)}, ${JSON.stringify(rows)}::json)`.execute(
      db,
    );
  }
  await before.close();
  rmSync(migrations, { recursive: true });
}

it.each(engines)('a store of schema 0004 is read as before, finished, and written on: %s', async (engine) => {
  const database = await createTestDatabase(engine, server());
  cleanups.push(() => database.remove());
  await fillAsBefore(database);
  const recording = startRecording(database, { salt: 'made-up-salt-of-long-ago' });
  cleanups.push(() => recording.close());
  await recording.recorder.ready;
  await until(
    'the end of the deletion that was under way',
    60_000,
    () => Promise.resolve(recording.logs.some((line) => line.includes('begun earlier')) || undefined),
    () => recording.logs.join('\n'),
  );

  const { details, ...lists } = old.expected;
  for (const [name, { detail, link }] of Object.entries(details)) {
    const id = old.ids[name]!;
    expect([name, await recording.read('getRequest', id)]).toEqual([name, detail]);
    // Where losing candidates lie has been told since.
    expect([name, await recording.read('getLink', id)]).toMatchObject([name, link]);
  }
  expect({
    conversations: await recording.read('listConversations', conversationQuery.parse({})),
    requests: await recording.read('listRequests', requestQuery.parse({ limit: 200 })),
    tree: await recording.read('getConversation', old.conversations.old),
    stats: await recording.read('getStats', {}),
  }).toEqual(lists);
  expect(await recording.read('getConversation', old.conversations.going)).toBeNull();
  for (const id of old.gone) expect(await recording.read('getRequest', id)).toBeNull();
  const running = await recording.read('listRequests', requestQuery.parse({ state: 'running' }));
  expect(running.requests.map((row) => row.requestId)).toEqual([old.ids['running']]);

  // What ran then ends now; a turn goes on from an old one; what was deleted does not come back from its journal.
  const answer = { headers: SSE, chunks: streamOf({ content: [text('done')] }) };
  recording.write({ ...old.running, id: old.ids['running']!, response: answer });
  recording.write({ ...old.running, id: old.gone.at(-1)!, response: answer });
  const next = recording.write({
    at: old.running.at + 60_000,
    body: turn('session-old', [...old.history, user('A new turn')]),
    response: answer,
  });
  await recording.recorder.drain();
  expect(await recording.read('getRequest', old.ids['running']!, ['state'])).toMatchObject({
    state: 'completed',
  });
  expect(await recording.read('getRequest', old.gone.at(-1)!)).toBeNull();
  expect(await recording.read('getRequest', next.id, ['parentRequestId', 'conversationId'])).toMatchObject({
    parentRequestId: old.ids['turn4'],
    conversationId: old.conversations.old,
  });
  expect(recording.status()).toMatchObject({ failed: 0 });
  await recording.close();
  expect(await withStore(database, faults)).toEqual([]);
});
