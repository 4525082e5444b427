import { sql, type RawBuilder } from 'kysely';
import type { SlowQuery, StorageReport } from '../../protocol/storage.ts';
import type { Database } from './database.ts';
import { countUnsearched } from './search-index.ts';
import { shorten, SLOW_QUERY_MS } from './slow-queries.ts';
import { readTableSizes, type TableSize } from './table-sizes.ts';
import type { Store } from './tables.ts';

type StoredReport = Omit<StorageReport, 'journal' | 'housekeeping'>;

/** Pages of 8 KB that are read to tell the kinds of content apart. */
const SAMPLED_PAGES = 1000;
const GROWTH_DAYS = 30;

/**
 * What the store holds. Quick on large stores: sizes come from the files, rows of tables over 8 MB are the planner's
 * estimate, kinds of content are then a sample of 8 MB of pages, scaled up (a few percent off). `turn` is waited for
 * between the queries, none of which takes more than some ten milliseconds.
 */
export async function readStorage(database: Database, turn: () => Promise<void>): Promise<StoredReport> {
  const { db } = database;
  const tables = await readTableSizes(db, turn);
  const sizes = new Map(tables.map((table) => [table.name, table]));
  const totalBytes = tables.reduce((sum, table) => sum + table.bytes + table.indexBytes, 0);
  const exchangeSizes = ['request', 'answer', 'envelope'].map((name) => sizes.get(name));
  const exchanges = sizes.get('request')?.rows ?? 0;
  await turn();
  const [block, node] = [sizes.get('block'), sizes.get('node')];
  const blocks = await contentByKind(db, block, { table: 'block', kind: sql`kind`, bytes: sql`bytes` });
  const runs = await contentByKind(db, node, {
    table: 'node',
    kind: sql`case when run is not null then 'message' end`,
    bytes: sql`run`,
  });
  const messages = runs.find(({ kind }) => kind === 'message');
  await turn();
  const search = await readIndexed(db);
  const growthPerDay = await readGrowth(db);
  await turn();
  return {
    totalBytes,
    exchanges,
    blocks: (block?.rows ?? 0) + (messages?.rows ?? 0),
    bytesPerExchange: exchanges === 0 ? 0 : Math.round(totalBytes / exchanges),
    estimated: tables.some((table) => table.estimated),
    byKind: [
      ...withRuns(blocks, messages),
      ...asKind('node', [node]).map((kind) => ({ ...kind, bytes: kind.bytes - (messages?.bytes ?? 0) })),
      ...asKind('exchange', exchangeSizes),
      ...asKind(
        'search',
        ['search_segment', 'search_piece', 'unsearched'].map((name) => sizes.get(name)),
      ).map((kind) => ({ ...kind, rows: search.indexed })),
    ],
    growthPerDay,
    search,
    database: {
      connections: await countConnections(db),
      slowQueries: (await readStatements(db)) ?? database.slowQueries.list(),
      tables: tables.map(({ name, rows, bytes, indexBytes }) => ({ name, rows, bytes, indexBytes })),
    },
  };
}

async function readIndexed(db: Store): Promise<StorageReport['search']> {
  const { rows } = await sql<{ indexed: number }>`
    select coalesce(sum(size), 0) as indexed from search_segment`.execute(db);
  return { indexed: rows[0]!.indexed, waiting: await countUnsearched(db) };
}

/** As many rows as the first of the tables has; nothing without tables. */
function asKind(kind: string, tables: (TableSize | undefined)[]): StorageReport['byKind'] {
  const found = tables.filter((table) => table !== undefined);
  const bytes = found.reduce((sum, table) => sum + table.bytes + table.indexBytes, 0);
  return found[0] === undefined ? [] : [{ kind, rows: found[0].rows, bytes }];
}

type Kinds = StorageReport['byKind'];

/** Content by kind, its bytes as stored (compressed). */
async function contentByKind(
  db: Store,
  size: TableSize | undefined,
  from: { table: 'block' | 'node'; kind: RawBuilder<unknown>; bytes: RawBuilder<unknown> },
): Promise<Kinds> {
  const pages = (size?.bytes ?? 0) / 8192;
  const percent = pages <= SAMPLED_PAGES ? 100 : (100 * SAMPLED_PAGES) / pages;
  const sample = percent === 100 ? sql`` : sql`tablesample system (${percent}::real)`;
  const { rows } = await sql<{ kind: string | null; rows: number; bytes: number }>`
    select ${from.kind} as kind, count(*) as rows, coalesce(sum(octet_length(${from.bytes})), 0) as bytes
    from ${sql.table(from.table)} ${sample} group by 1`.execute(db);
  const seen = rows.reduce((sum, row) => sum + row.rows, 0);
  const scale = percent === 100 || seen === 0 ? 1 : (size?.rows ?? seen) / seen;
  return rows.flatMap((row) =>
    row.kind === null
      ? []
      : [{ kind: row.kind, rows: Math.round(row.rows * scale), bytes: Math.round(row.bytes * scale) }],
  );
}

/** Blocks of messages and the runs in `node` are one kind; the one that takes most first. */
function withRuns(blocks: Kinds, runs: Kinds[number] | undefined): Kinds {
  const kinds = new Map(blocks.map((kind) => [kind.kind, kind]));
  if (runs !== undefined) {
    const { rows, bytes } = kinds.get(runs.kind) ?? { rows: 0, bytes: 0 };
    kinds.set(runs.kind, { kind: runs.kind, rows: rows + runs.rows, bytes: bytes + runs.bytes });
  }
  return [...kinds.values()].sort((a, b) => b.bytes - a.bytes || (a.kind < b.kind ? -1 : 1));
}

/** What each of the last days (UTC) added, by what its exchanges stored. */
async function readGrowth(db: Store): Promise<StorageReport['growthPerDay']> {
  const { rows } = await sql<{ date: string; bytes: number }>`
    select to_char(at at time zone 'UTC', 'YYYY-MM-DD') as date, sum(stored_bytes) as bytes
    from usage where at > now() - make_interval(days => ${GROWTH_DAYS}::integer)
    group by 1 order by 1`.execute(db);
  return rows;
}

async function countConnections(db: Store): Promise<number> {
  const { rows } = await sql<{ connections: number }>`select count(*) as connections
    from pg_stat_activity where datname = current_database()`.execute(db);
  return rows[0]!.connections;
}

/** The slow statements of this database's user as the server counts them; null where it does not. */
async function readStatements(db: Store): Promise<SlowQuery[] | null> {
  const { rows: found } = await sql`select 1 from pg_extension
    where extname = 'pg_stat_statements' and extnamespace = current_schema()::regnamespace`.execute(db);
  if (found.length === 0) return null;
  try {
    const { rows } = await sql<SlowQuery>`
      select query, calls, mean_exec_time as "meanMs", max_exec_time as "maxMs" from pg_stat_statements
      where dbid = (select oid from pg_database where datname = current_database())
        and userid = current_user::regrole and max_exec_time >= ${SLOW_QUERY_MS}::double precision
      order by max_exec_time desc limit 20`.execute(db);
    return rows.map((row) => ({ ...row, query: shorten(row.query) }));
  } catch {
    return null; // Created, but the server was not started with it: it says so in an error.
  }
}
