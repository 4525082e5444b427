import { sql } from 'kysely';
import type { Store } from './tables.ts';

/** Tables of at most so many pages of 8 KB are counted (some milliseconds), larger ones estimated. */
const COUNTED_PAGES = 1000;

export interface TableSize {
  name: string;
  rows: number;
  /** With large values kept aside, without indexes. */
  bytes: number;
  indexBytes: number;
  /** `rows` is what the planner takes it for: rows per page when last analysed, times the pages now. */
  estimated: boolean;
}

interface Listed {
  name: string;
  pages: number;
  /** null: a partitioned table without partitions. */
  known_rows: number | null;
  known_pages: number | null;
  bytes: number;
  index_bytes: number;
}

/** The store's own tables, the largest first; partitions are added up. `turn` is waited for between counts. */
export async function readTableSizes(db: Store, turn: () => Promise<void>): Promise<TableSize[]> {
  const { rows } = await listed(null).execute(db);
  const sizes: TableSize[] = [];
  for (const table of rows) {
    await turn();
    sizes.push({
      name: table.name,
      bytes: table.bytes,
      indexBytes: table.index_bytes,
      rows: await countOrEstimate(db, table),
      estimated: table.pages > COUNTED_PAGES,
    });
  }
  return sizes;
}

/** The number of rows of one table, by the same rule. */
export async function rowsOf(db: Store, name: string): Promise<number> {
  const { rows } = await listed(name).execute(db);
  return rows[0] === undefined ? 0 : countOrEstimate(db, rows[0]);
}

/** Its size with indexes and large values. */
export async function bytesOf(db: Store, name: string): Promise<number> {
  const { rows } = await listed(name).execute(db);
  return rows[0] === undefined ? 0 : rows[0].bytes + rows[0].index_bytes;
}

const listed = (name: string | null) => sql<Listed>`
  with whole as (
    select oid, relname from pg_class
    where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p') and not relispartition
      and (${name}::text is null or relname = ${name}::text)
  ), part as (
    select oid as whole, oid from whole
    union all
    select inhparent, inhrelid from pg_inherits where inhparent in (select oid from whole)
  )
  select whole.relname::text as name,
    sum(pg_relation_size(part.oid) / current_setting('block_size')::bigint) as pages,
    (sum(greatest(class.reltuples, 0)) filter (where class.relkind = 'r'))::double precision as known_rows,
    sum(class.relpages) filter (where class.relkind = 'r') as known_pages,
    sum(pg_table_size(part.oid)) as bytes, sum(pg_indexes_size(part.oid)) as index_bytes
  from whole join part on part.whole = whole.oid join pg_class class on class.oid = part.oid
  group by whole.relname
  order by sum(pg_total_relation_size(part.oid)) desc, whole.relname`;

async function countOrEstimate(db: Store, table: Listed): Promise<number> {
  const { known_rows: knownRows, known_pages: knownPages } = table;
  if (table.pages > COUNTED_PAGES && knownRows !== null && knownPages !== null && knownPages > 0) {
    return Math.round((knownRows / knownPages) * table.pages);
  }
  const { rows } = await sql<{ rows: number }>`select count(*) as rows from ${sql.table(table.name)}`.execute(
    db,
  );
  return rows[0]!.rows;
}

/**
 * Names of the tables to vacuum: all, the smallest first, or those `worn`, by PostgreSQL's own rules for doing it by
 * itself (nobody does on PGlite), with a larger minimum: more than 1,000 dead or new rows and a fifth of the table. New
 * ones too: a vacuum skips the pages it has seen and nobody has changed, so done now and then each is short (of the
 * requests among 20,000 exchanges the first takes 360 ms, the next 5).
 */
export async function tablesToVacuum(db: Store, which: 'all' | 'worn'): Promise<string[]> {
  if (which === 'all') return (await listed(null).execute(db)).rows.map((table) => table.name).reverse();
  const { rows } = await sql<{ name: string }>`
    select relname as name from pg_stat_user_tables
    where schemaname = current_schema()
      and greatest(n_dead_tup, n_ins_since_vacuum) > 1000 + n_live_tup / 5 order by n_live_tup`.execute(db);
  return rows.map((row) => row.name);
}
