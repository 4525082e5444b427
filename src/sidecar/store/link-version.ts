import { sql } from 'kysely';
import type { ExchangeKey } from './relink-list.ts';
import type { ScopePosition } from './rebuild-scope.ts';
import type { Store } from './tables.ts';
import { timestamp } from './values.ts';

const VERSION = 'link_version';
const SINCE = 'link_version_since';

/** The version that all link hashes in the store have at least. */
export async function storedLinkVersion(db: Store): Promise<number> {
  const { rows } = await sql<{ value: string }>`select value from setting where name = ${VERSION}`.execute(
    db,
  );
  return Number(rows[0]?.value ?? 0);
}

/** Notes when hashing anew began, unless an earlier life has. What is recorded from then on may miss its parent. */
export async function beginRehash(db: Store): Promise<void> {
  await sql`insert into setting (name, value) values (${SINCE}, ${timestamp(Date.now())})
    on conflict do nothing`.execute(db);
}

/** The next exchanges with hashes older than `version`, from the newest on. */
export async function outdatedExchanges(
  db: Store,
  version: number,
  behind: ScopePosition | null,
  limit: number,
): Promise<ScopePosition[]> {
  const before =
    behind === null
      ? sql`true`
      : sql`(started_at, id) < (${timestamp(behind.at)}::timestamptz, ${behind.id}::uuid)`;
  const { rows } = await sql<ExchangeKey & { at: number }>`
    select tenant, id, started_at as at from request where link_version < ${version}::integer and ${before}
    order by started_at desc, id desc limit ${limit}::bigint`.execute(db);
  return rows;
}

/** All hashes are of `version` now: what was recorded meanwhile is to be linked anew. */
export async function endRehash(db: Store, version: number): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await sql`
      insert into relink (tenant, started_at, id) select tenant, started_at, id from request
      where started_at >= (select value::timestamptz from setting where name = ${SINCE}) and conversation_id is not null
      on conflict do nothing`.execute(tx);
    await sql`delete from setting where name = ${SINCE}`.execute(tx);
    await sql`insert into setting (name, value) values (${VERSION}, ${String(version)})
      on conflict (name) do update set value = excluded.value, updated_at = now()`.execute(tx);
  });
}
