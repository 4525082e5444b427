import { sql, type RawBuilder } from 'kysely';
import type { StatsQuery } from '../../protocol/queries.ts';
import type { StatsRow } from '../../protocol/rows.ts';
import type { Store } from './tables.ts';

/**
 * Totals over all finished exchanges of every type, or over those of a domain or since a time (of their request), from
 * `usage`: they stay true when content is deleted. Failed ones are the errors. Conversations are those still stored.
 */
export async function getStats(db: Store, query: StatsQuery): Promise<StatsRow> {
  const { rows } = await sql<Omit<StatsRow, 'since' | 'totalTokens'>>`
    select count(*) as "requests", count(*) filter (where state = 'failed') as "errors",
      coalesce(sum(input_tokens), 0) as "inputTokens", coalesce(sum(output_tokens), 0) as "outputTokens",
      coalesce(sum(cache_read_tokens), 0) as "cacheReadInputTokens",
      coalesce(sum(cache_creation_5m_tokens + cache_creation_1h_tokens), 0) as "cacheCreationInputTokens",
      (select count(*) from conversation ${where(query, sql`last_at`)}) as "conversations"
    from usage ${where(query, sql`at`)}`.execute(db);
  const totals = rows[0]!;
  return { since: query.since ?? null, ...totals, totalTokens: totals.inputTokens + totals.outputTokens };
}

function where({ domain, since }: StatsQuery, time: RawBuilder<unknown>): RawBuilder<unknown> {
  const conditions = [
    ...(domain === undefined ? [] : [sql`domain = ${domain}`]),
    ...(since === undefined ? [] : [sql`${time} >= ${since}::timestamptz`]),
  ];
  return conditions.length === 0 ? sql`` : sql`where ${sql.join(conditions, sql` and `)}`;
}
