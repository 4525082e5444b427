import { sql, type RawBuilder } from 'kysely';
import type { ExchangeKey } from './relink-list.ts';
import type { Store } from './tables.ts';
import { timestamp } from './values.ts';

/** Which exchanges are to be linked anew. */
export interface RebuildScope {
  conversationId: string | null;
  domain: string | null;
}

export interface ScopePosition extends ExchangeKey {
  at: number;
}

/** Counted exactly up to here; for the whole of a larger store it is what the planner expects. */
const COUNTED = 50_000;

/** How many exchanges that are, about; null: nobody knows. */
export async function scopeSize(db: Store, scope: RebuildScope): Promise<number | null> {
  const { rows } = await sql<{ counted: number; expected: number }>`
    select (select count(*) from (select from request where ${within(scope)} limit ${COUNTED}::bigint) one) as counted,
      (select reltuples::bigint from pg_class where oid = 'request'::regclass) as expected`.execute(db);
  const { counted, expected } = rows[0]!;
  if (counted < COUNTED) return counted;
  return scope.domain === null && scope.conversationId === null ? Math.max(counted, expected) : null;
}

/** Puts the next exchanges of the scope on the list, from the oldest on; the last one put there, or null: no more. */
export async function relinkNextOf(
  db: Store,
  scope: RebuildScope,
  after: ScopePosition | null,
  limit: number,
): Promise<{ last: ScopePosition; count: number } | null> {
  const behind =
    after === null
      ? sql`true`
      : sql`(started_at, id) > (${timestamp(after.at)}::timestamptz, ${after.id}::uuid)`;
  const { rows } = await sql<{ tenant: string; id: string; at: number }>`
    with page as materialized (
      select tenant, started_at, id from request where ${within(scope)} and ${behind}
      order by started_at, id limit ${limit}::bigint
    ), listed as (
      insert into relink (tenant, started_at, id) select tenant, started_at, id from page on conflict do nothing
    )
    select tenant, id, started_at as at from page order by started_at, id`.execute(db);
  const last = rows.at(-1);
  return last === undefined ? null : { last, count: rows.length };
}

/** The projects a scope's exchanges are of: nothing is linked from one to another. null: any. */
export async function projectsOf(db: Store, scope: RebuildScope): Promise<(string | null)[] | null> {
  if (scope.conversationId === null) return null;
  const { rows } = await sql<{ project: string | null }>`
    select distinct project from request where ${within(scope)}`.execute(db);
  return rows.map((row) => row.project);
}

function within({ conversationId, domain }: RebuildScope): RawBuilder<unknown> {
  if (conversationId !== null) {
    return sql`tenant = (select tenant from conversation where id = ${conversationId}::uuid)
      and conversation_id = ${conversationId}::uuid`;
  }
  if (domain === null) return sql`true`;
  return sql`(domain = ${domain} or starts_with(domain, ${`${domain}:`}))`;
}
