import { sql } from 'kysely';
import type { StatsQuery } from '../../protocol/queries.ts';
import type { StatsRow } from '../../protocol/rows.ts';
import type { Store } from './tables.ts';

/** Totals over all exchanges of every type, or over those of a domain or since a time. Failed ones are the errors. */
export async function getStats(db: Store, query: StatsQuery): Promise<StatsRow> {
  const conditions = [
    ...(query.domain === undefined ? [] : [sql`domain = ${query.domain}`]),
    ...(query.since === undefined ? [] : [sql`started_at >= ${query.since}::timestamptz`]),
  ];
  const where = conditions.length === 0 ? sql`` : sql`where ${sql.join(conditions, sql` and `)}`;
  const { rows } = await sql<Omit<StatsRow, 'since' | 'totalTokens'>>`
    select count(*) as "requests", count(distinct conversation_id) as "conversations",
      count(*) filter (where state = 'failed') as "errors",
      coalesce(sum(input_tokens), 0) as "inputTokens", coalesce(sum(output_tokens), 0) as "outputTokens",
      coalesce(sum(cache_read_tokens), 0) as "cacheReadInputTokens",
      coalesce(sum(cache_creation_tokens), 0) as "cacheCreationInputTokens"
    from exchange ${where}`.execute(db);
  const totals = rows[0]!;
  return { since: query.since ?? null, ...totals, totalTokens: totals.inputTokens + totals.outputTokens };
}
