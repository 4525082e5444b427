import { sql } from 'kysely';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDatabase, type DatabaseOptions } from '../../src/sidecar/store/database.ts';
import type { Store } from '../../src/sidecar/store/tables.ts';
import { startRecording } from '../support/recording.ts';
import { conversation, journalFile, type BenchTurn } from './conversation.ts';
import { withDatabase, type BenchEngine } from './engines.ts';
import { allIndexed } from '../support/search.ts';
import { figure, note, type Row } from './table.ts';

const BYTES_GOAL = 4096;
const TIMES_GOAL = 40;
const TURNS = 100;
/** Of a piece, in the index of the table: a tenant, two numbers and the first term. */
const INDEX_ENTRY = 48;
const SEARCH_TABLES = ['unsearched', 'search_segment', 'search_piece'];
const FIRST_DAY = Date.parse('2026-03-02T08:00:00Z');

/**
 * What a turn costs in the database: the growth of all tables with their indexes and TOAST, divided by the turns, for
 * conversations of 100 turns that go through the recorder, stream timing included. One conversation is there before:
 * the first pages of forty indexes say nothing about a turn. Beside it what the bodies and answers take as JSONB in a
 * row each, on the same engine, without any timing.
 */
export async function measureStorage(engine: BenchEngine, quick: boolean): Promise<Row[]> {
  const made = (seed: number): BenchTurn[] =>
    conversation({ turns: TURNS, seed, at: FIRST_DAY + seed * 86_400_000 });
  return withDatabase(engine, async (database) => {
    await record(database, made(1));
    const before = await sizes(database.options);
    const measured = quick ? 1 : 8;
    let rawBytes = 0;
    for (let seed = 2; seed < 2 + measured; seed++) {
      const turns = made(seed);
      rawBytes += turns.reduce((sum, { body }) => sum + body.length, 0);
      await record(database, turns);
      if (engine === 'postgresql') await asAutovacuum(database.options);
    }
    const grown = Object.entries(await sizes(database.options))
      .map(([table, bytes]): [string, number] => [table, (bytes - (before[table] ?? 0)) / (measured * TURNS)])
      .sort((a, b) => b[1] - a[1]);
    const perTurn = grown.reduce((sum, [, bytes]) => sum + bytes, 0);
    const index = grown.reduce((sum, [table, bytes]) => sum + (SEARCH_TABLES.includes(table) ? bytes : 0), 0);
    const rows = await indexRows(database.options);
    const most = grown.slice(0, 3).map(([table, bytes]) => `${table} ${kilobytes(bytes)}`);
    const raw = rawBytes / (measured * TURNS);
    const naivePerTurn = (await naiveSize(database.options, made(2))) / TURNS;
    const times = naivePerTurn / perTurn;
    const where = `${engine}, ${String(measured * TURNS)} turns of ${kilobytes(raw)}`;
    return [
      figure({
        what: `bytes stored per turn (${where})`,
        measured: perTurn,
        goal: BYTES_GOAL,
        value: `${kilobytes(perTurn)} (${most.join(', ')})`,
        goalText: '≤ 4 KB',
        numbers: { perTurn, rawPerTurn: raw, ...Object.fromEntries(grown) },
      }),
      note(
        `of it the search index (${engine})`,
        `${index.toFixed(0)} bytes per turn, its rows ${rows.toFixed(0)} of them; ${kilobytes(perTurn - index)} without it`,
        { index, rows, withoutIndex: perTurn - index },
      ),
      figure({
        what: `naive JSONB beside it (${engine}, without stream timing)`,
        measured: TIMES_GOAL / times,
        goal: 1,
        value: `${times.toFixed(0)}× as much: ${kilobytes(naivePerTurn)} per turn`,
        goalText: `≥ ${String(TIMES_GOAL)}×`,
        numbers: { times, naivePerTurn },
      }),
    ];
  });
}

/**
 * What the rows of the search index take per turn, with their places in its indexes. Its files have as much again for each part
 * that is joined, once, whatever the size of the store.
 */
async function indexRows(options: DatabaseOptions): Promise<number> {
  return withStore(options, async (db) => {
    const { rows } = await sql<{ bytes: string }>`
      select (
        (select sum(pg_column_size(search_piece.*) + 4 + ${INDEX_ENTRY}::integer) from search_piece)
        + (select sum(octet_length(requests) + 100 + ${INDEX_ENTRY}::integer) from search_segment)
      ) / (select sum(size) from search_segment) as bytes`.execute(db);
    return Number(rows[0]!.bytes);
  });
}

async function record(
  database: { dataDir: string; databaseUrl: string | null },
  turns: BenchTurn[],
): Promise<void> {
  const recording = startRecording(database);
  try {
    for (const turn of turns) {
      const { id, bytes } = journalFile(turn);
      recording.writeRaw(id, bytes, { size: bytes.length, ended: true });
      // As they come in life: one after the other, not as a backlog.
      while (recording.files().length > 3) await sleep(2);
    }
    await allIndexed(recording);
  } finally {
    await recording.close();
  }
  const { recorded, failed } = recording.status();
  if (failed > 0 || recorded < turns.length) {
    throw new Error(
      `${String(recorded)} of ${String(turns.length)} turns were recorded, ${String(failed)} failed`,
    );
  }
}

/**
 * What the server does by itself every minute, and the program on PGlite every 50 exchanges: 800 turns are through in
 * ten seconds here, and rows that change or go with every turn would be counted each time.
 */
async function asAutovacuum(options: DatabaseOptions): Promise<void> {
  await withStore(options, (db) =>
    sql`vacuum conversation, running, unsearched, search_segment, search_piece`.execute(db),
  );
}

/** Bytes of each table, indexes and TOAST included; the months of a partitioned table are one. */
async function sizes(options: DatabaseOptions): Promise<Record<string, number>> {
  return withStore(options, async (db) => {
    const { rows } = await sql<{ name: string; bytes: string }>`
      select regexp_replace(c.relname, '_[0-9]{4}_[0-9]{2}$', '') as name,
        sum(pg_total_relation_size(c.oid))::text as bytes
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'r' and n.nspname = 'public' group by 1`.execute(db);
    return Object.fromEntries(rows.map(({ name, bytes }) => [name, Number(bytes)]));
  });
}

/** What the same turns take as the old system kept them. */
async function naiveSize(options: DatabaseOptions, turns: BenchTurn[]): Promise<number> {
  return withStore(options, async (db) => {
    await sql`create table naive (id bigserial primary key, body jsonb, response_body jsonb)`.execute(db);
    for (const { body, message } of turns) {
      await sql`insert into naive (body, response_body) values (${body.toString()}::text::jsonb,
        ${JSON.stringify(message)}::text::jsonb)`.execute(db);
    }
    const { rows } = await sql<{ bytes: string }>`
      select pg_total_relation_size('naive')::text as bytes`.execute(db);
    await sql`drop table naive`.execute(db);
    return Number(rows[0]!.bytes);
  });
}

async function withStore<T>(options: DatabaseOptions, work: (db: Store) => Promise<T>): Promise<T> {
  const database = await openDatabase(options);
  try {
    return await work(database.db);
  } finally {
    await database.close();
  }
}

const kilobytes = (bytes: number): string => `${(bytes / 1024).toFixed(bytes < 102_400 ? 2 : 0)} KB`;
