import { sql, type RawBuilder } from 'kysely';
import type { Database } from './database.ts';
import { deleteLoose } from './delete-conversation.ts';
import type { Store } from './tables.ts';
import { timestamp } from './values.ts';

/** What the store of live mode holds. */
export interface LiveSize {
  exchanges: number;
  /** Content as stored, in bytes. */
  bytes: number;
}

/** Figures of so many exchanges outlive them, for the totals of the last hours. */
const KEPT_USAGE = 20_000;

/** Counts all of it: a few hundred exchanges, some milliseconds. */
export async function measureLive(db: Store): Promise<LiveSize> {
  const { rows } = await sql<LiveSize>`
    select (select count(*) from request) as exchanges,
      (select coalesce(sum(octet_length(bytes)), 0) from block)
        + (select coalesce(sum(octet_length(run)), 0) from node) as bytes`.execute(db);
  return rows[0]!;
}

interface Deleted {
  exchanges: number;
  /** Conversations that are left, and those that are gone with their last exchange. */
  changed: string[];
  deleted: string[];
}

/** Deletes the `most` oldest exchanges of no conversation that began before `before` (ms since the epoch). */
export async function deleteOldestBeside(database: Database, before: number, most: number): Promise<Deleted> {
  return deleteThese(
    database,
    sql`conversation_id is null and started_at < ${timestamp(before)}::timestamptz`,
    most,
  );
}

/**
 * Deletes the `most` oldest exchanges, whatever conversation they are of; not the newest of all. What hung from them
 * begins their conversations now.
 */
export async function deleteOldest(database: Database, most: number): Promise<Deleted> {
  return deleteThese(
    database,
    sql`id <> (select id from request order by started_at desc, id desc limit 1)`,
    most,
  );
}

async function deleteThese(database: Database, which: RawBuilder<unknown>, most: number): Promise<Deleted> {
  const { rows } = await sql<{ tenant: string; id: string; conversation_id: string | null }>`
    select tenant, id, conversation_id from exchange where state <> 'running' and ${which}
    order by started_at, id limit ${most}`.execute(database.db);
  for (const [tenant, oldest] of Map.groupBy(rows, (row) => row.tenant)) {
    await deleteLoose(
      database,
      tenant,
      oldest.map((row) => row.id),
    );
  }
  const touched = [...new Set(rows.flatMap((row) => row.conversation_id ?? []))];
  const deleted = touched.length === 0 ? [] : await mend(database.db, touched);
  return { exchanges: rows.length, changed: touched.filter((id) => !deleted.includes(id)), deleted };
}

/** Makes conversations whole that have lost their oldest exchanges; returns the ids of those that had no others. */
async function mend(db: Store, ids: string[]): Promise<string[]> {
  return db.transaction().execute(async (tx) => {
    await sql`
      update request set parent_id = null
      where conversation_id = any(${ids}::uuid[]) and parent_id is not null
        and not exists (select from request parent where parent.id = request.parent_id)`.execute(tx);
    await sql`
      delete from branch where conversation_id = any(${ids}::uuid[]) and kind <> 'main'
        and not exists (select from request where request.conversation_id = branch.conversation_id
          and request.branch_id = branch.branch_id)`.execute(tx);
    await sql`
      update conversation set request_count = (
        select count(*) from request where request.conversation_id = conversation.id
      ) where id = any(${ids}::uuid[])`.execute(tx);
    const { rows } = await sql<{ id: string }>`
      delete from conversation where id = any(${ids}::uuid[]) and request_count = 0 returning id`.execute(tx);
    return rows.map((row) => row.id);
  });
}

/**
 * Gives the room of deleted rows back for new ones, and that of the log; nobody else does in an embedded database. Also
 * forgets what is only for journals that could be read again: in memory there are none.
 */
export async function reuseSpace(db: Store): Promise<void> {
  await sql`delete from deleted_exchange`.execute(db);
  await sql`delete from usage where at < (
    select at from usage order by at desc offset ${KEPT_USAGE}::integer limit 1)`.execute(db);
  await sql`vacuum`.execute(db);
  await sql`checkpoint`.execute(db);
}
