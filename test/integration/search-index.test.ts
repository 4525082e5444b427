import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { searchQuery } from '../../src/protocol/queries.ts';
import { openDatabase, type Database } from '../../src/sidecar/store/database.ts';
import { deleteLoose } from '../../src/sidecar/store/delete-conversation.ts';
import { Candidates } from '../../src/sidecar/store/search-candidates.ts';
import { addSegment, joinSmallSegments } from '../../src/sidecar/store/search-index.ts';
import { createTestDatabase, engines, type TestDatabase } from '../support/databases.ts';
import { SSE, streamOf, text, turn, user } from '../support/messages.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { startRecording, type Recording } from '../support/recording.ts';
import { allIndexed } from '../support/search.ts';
import { faults } from '../support/store-checks.ts';

const T0 = Date.UTC(2026, 10, 19, 10);
const RANGE = { from: '00000000-0000-0000-0000-000000000000', to: 'ffffffff-ffff-ffff-ffff-ffffffffffff' };
const server = usePostgres();

describe.each(engines)('the search index on %s', (engine) => {
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

  const write = (n: number): string =>
    recording.write({
      at: T0 + n * 1000,
      body: turn(`session-${String(n)}`, [user(`word${String(n)} and same`)]),
      response: { headers: SSE, chunks: streamOf({ content: [text('fine')] }) },
    }).id;

  /** Closes the recorder, and works on what it has recorded. */
  const onStore = async <T>(work: (database: Database) => Promise<T>): Promise<T> => {
    await recording.close();
    const database = await openDatabase(made.options);
    try {
      return await work(database);
    } finally {
      await database.close();
    }
  };
  const found = async ({ db }: Database, term: string): Promise<string[]> => {
    const candidates = new Candidates(db, [{ term, whole: true }], RANGE);
    const ids: string[] = [];
    for (;;) {
      while (candidates.hungry) await candidates.feed();
      const some = candidates.take(5);
      if (some.length === 0) return ids;
      ids.push(...some.map(({ id }) => id));
    }
  };
  const countOf = async ({ db }: Database, table: string): Promise<number> => {
    const { rows } = await sql<{ n: number }>`select count(*) as n from ${sql.table(table)}`.execute(db);
    return rows[0]!.n;
  };

  it('is brought up to date by whoever opens the store next', async () => {
    const ids = Array.from({ length: 5 }, (_, n) => write(n));
    await recording.recorder.drain();
    // Ended before it had the time to index.
    await onStore(async (database) => {
      expect(await countOf(database, 'unsearched')).toBe(5);
    });
    recording = startRecording(made);
    await allIndexed(recording);
    const { hits } = await recording.read('search', searchQuery.parse({ q: 'same' }));
    expect(hits.map(({ requestId }) => requestId)).toEqual(ids.toReversed());
  });

  it('joins its parts, tells the newest first, and loses what is deleted', async () => {
    const ids = Array.from({ length: 20 }, (_, n) => write(n));
    await recording.recorder.drain();
    await onStore(async (database) => {
      // One part for each turn, in no order.
      for (const n of ids.map((_id, index) => (index * 7) % ids.length)) {
        await addSegment(database, 'local', [{ id: ids[n]!, terms: ['same', `word${String(n)}`] }]);
        while (await joinSmallSegments(database, 'local'));
      }
      expect(await countOf(database, 'unsearched')).toBe(0);
      expect(await countOf(database, 'search_segment')).toBeLessThan(10);
      expect(await faults(database.db)).toEqual([]);
      expect(await found(database, 'same')).toEqual(ids.toReversed());
      expect(await found(database, 'word13')).toEqual([ids[13]]);
      expect(await found(database, 'nothing')).toEqual([]);
      // Twice the same turn: it is in one part only.
      await addSegment(database, 'local', [{ id: ids[0]!, terms: ['other'] }]);
      expect(await found(database, 'other')).toEqual([]);
      const doomed = ids.filter((_id, n) => n % 3 === 0);
      await deleteLoose(database, 'local', doomed);
      expect(await found(database, 'same')).toEqual(ids.filter((id) => !doomed.includes(id)).toReversed());
      expect(await found(database, 'word3')).toEqual([]);
      await deleteLoose(
        database,
        'local',
        ids.filter((id) => !doomed.includes(id)),
      );
      expect(await countOf(database, 'search_segment')).toBe(0);
      expect(await countOf(database, 'search_piece')).toBe(0);
    });
  });

  it('goes on with turns that cannot be read', async () => {
    const broken = write(1);
    const whole = write(2);
    await recording.recorder.drain();
    await onStore(async ({ db }) => {
      await sql`update node set run = '\\x0301' where key in (select messages_tip from request where id = ${broken}::uuid)`.execute(
        db,
      );
    });
    recording = startRecording(made);
    // First as what the index does not have yet, mostly.
    for (let times = 0; times < 2; times++) {
      const { hits } = await recording.read('search', searchQuery.parse({ q: 'same' }));
      expect(hits.map(({ requestId }) => requestId)).toEqual([whole]);
      await allIndexed(recording);
    }
    expect(recording.logs.filter((line) => line.startsWith('warn A turn cannot be searched'))).toHaveLength(
      1,
    );
  });

  it('ends a search that nobody waits for any more', async () => {
    for (let n = 0; n < 12; n++) write(n);
    await recording.recorder.drain();
    const waited = new AbortController();
    const answer = recording.recorder.readUntil(waited.signal, 'search', searchQuery.parse({ q: 'same' }));
    waited.abort();
    expect(Buffer.from(await answer).toString()).toBe('null');
  });
});
