import { sql, type RawBuilder } from 'kysely';
import type { Database } from './database.ts';
import type { Store } from './tables.ts';
import { timestamp } from './values.ts';

/** Any number of our own: one process at a time creates or drops partitions ("usag" in ASCII, cut to 31 bits). */
const PARTITION_LOCK = 0x75736167;

/**
 * Makes room for the usage of the month (UTC) in which `at` (ms since the epoch) is: `usage` has no partition that
 * takes everything, so that a month can be dropped as a whole. Not in a transaction of the caller's: creating a
 * partition locks the table, and is seen by others when it is committed. Costs nothing for a month this process knows.
 */
export async function ensureUsageMonth(database: Pick<Database, 'db' | 'known'>, at: number): Promise<void> {
  const month = monthOf(at);
  if (database.known.months.has(month.name)) return;
  if (!(await usageMonths(database.db)).includes(month.name)) {
    await database.db.transaction().execute(async (tx) => {
      await lockPartitions(tx);
      await sql`create table if not exists ${sql.ref(month.name)} partition of usage
        for values from (${sql.lit(month.from)}) to (${sql.lit(month.to)})`.execute(tx);
    });
  }
  database.known.months.add(month.name);
}

/** Drops the partitions of all months (UTC) before the one in which `at` (ms) is; returns how many. */
export async function dropUsageBefore(database: Pick<Database, 'db' | 'known'>, at: number): Promise<number> {
  const first = monthOf(at).name;
  const old = (await usageMonths(database.db)).filter((name) => name < first);
  for (const name of old) {
    await database.db.transaction().execute(async (tx) => {
      await lockPartitions(tx);
      await sql`drop table if exists ${sql.ref(name)}`.execute(tx);
    });
    database.known.months.delete(name);
  }
  return old.length;
}

/** The statement that counts the exchanges of `finished`, the name of a CTE with new rows of `answer`. */
export function insertUsage(finished: RawBuilder<unknown>): RawBuilder<unknown> {
  // One after the other by their key, whatever the planner thinks of a tenant.
  return sql`
    insert into usage (tenant, at, exchange_id, account_id, domain, project, type, model, state, input_tokens,
      output_tokens, cache_read_tokens, cache_creation_5m_tokens, cache_creation_1h_tokens, duration_ms, stored_bytes)
    select request.tenant, request.started_at, request.id, request.account_id, request.domain, request.project,
      request.type, coalesce(request.model, finished.model), finished.state, finished.input_tokens,
      finished.output_tokens, finished.cache_read_tokens,
      finished.cache_creation_tokens - finished.cache_creation_1h_tokens, finished.cache_creation_1h_tokens,
      finished.duration_ms, request.stored_bytes + finished.stored_bytes
    from ${finished} as finished cross join lateral (
      select * from request where request.tenant = finished.tenant and request.id = finished.id offset 0
    ) request`;
}

/** The partitions' names, which sort like their months. */
async function usageMonths(db: Store): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select relname as name from pg_inherits join pg_class on pg_class.oid = inhrelid
    where inhparent = 'usage'::regclass order by relname`.execute(db);
  return rows.map((row) => row.name);
}

async function lockPartitions(tx: Store): Promise<void> {
  await sql`select pg_advisory_xact_lock(${PARTITION_LOCK}::bigint)`.execute(tx);
}

/** The migration names the partitions of old rows in the same way. */
function monthOf(at: number): { name: string; from: string; to: string } {
  const date = new Date(at);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  const from = timestamp(Date.UTC(year, month));
  return {
    name: `usage_${from.slice(0, 7).replace('-', '_')}`,
    from,
    to: timestamp(Date.UTC(year, month + 1)),
  };
}
