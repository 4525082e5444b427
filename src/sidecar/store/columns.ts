import { sql, type RawBuilder } from 'kysely';
import type { Database } from './database.ts';

/** What of an open database these reads need. */
export type ReadableStore = Pick<Database, 'db' | 'engine'>;

/** A select of many rows for a page: its columns, and the order of its rows, both by the names it gives them. */
export interface PageQuery<Row> {
  columns: readonly (keyof Row & string)[];
  /** Those of them that are timestamptz, which JSON does not tell, and how they are read. */
  times: readonly (keyof Row & string)[];
  readTime: (text: string) => number;
  from: RawBuilder<unknown>;
  order: readonly { by: keyof Row & string; descending: boolean }[];
}

/**
 * The rows of a page. PGlite gives each column as one JSON array: it spends 0.7 µs on every field of a result, so that
 * 1,000 rows of 31 columns take 32 ms, as an array of arrays 14.5, and as these 31 arrays 8.5. PostgreSQL is faster
 * with rows (10 ms instead of 12), since this program takes them in while the server makes the next.
 */
export async function selectPage<Row extends object>(
  { db, engine }: ReadableStore,
  query: PageQuery<Row>,
): Promise<Row[]> {
  const { columns, from, order } = query;
  const sorted = sql.join(
    order.map(({ by, descending }) => sql`${page(by)} ${descending ? sql`desc` : sql`asc`}`),
  );
  if (engine === 'postgresql') {
    const { rows } = await sql<Row>`select ${sql.join(columns.map(page))} from (${from}) as page
      order by ${sorted}`.execute(db);
    return rows;
  }
  const arrays = columns.map((name) => sql`json_agg(${page(name)} order by ${sorted}) as ${sql.ref(name)}`);
  const { rows } = await sql<Record<string, unknown[] | null>>`
    select ${sql.join(arrays)} from (${from}) as page`.execute(db);
  return toRows(rows[0]!, query);
}

const page = (name: string): RawBuilder<unknown> => sql.ref(`page.${name}`);

/** All arrays are null when there are no rows. */
function toRows<Row extends object>(
  arrays: Record<string, unknown[] | null>,
  { columns, times, readTime }: PageQuery<Row>,
): Row[] {
  const length = arrays[columns[0]!]?.length ?? 0;
  if (length === 0) return [];
  for (const name of times) {
    arrays[name] = (arrays[name] as (string | null)[]).map((text) => (text === null ? null : readTime(text)));
  }
  return Array.from({ length }, (_, index) => {
    const row: Record<string, unknown> = {};
    for (const name of columns) row[name] = arrays[name]![index];
    return row as Row;
  });
}
