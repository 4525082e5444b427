import { sql } from 'kysely';
import type { Database } from './database.ts';
import { byIndexOnly, referencesOf, tenantIs } from './references.ts';
import { EXCHANGE_BYTES } from './row-costs.ts';
import { dropFromSearch } from './search-index.ts';
import { lockHousekeeping } from './sweep.ts';
import type { Store, Tx } from './tables.ts';
import { timestamp } from './values.ts';

export interface ConversationKey {
  tenant: string;
  id: string;
}

/** A journal file this old is recorded or set aside: reading it again is nothing to guard against. */
const REMEMBERED_DAYS = 30;

/**
 * Marks a conversation as deleted, which takes it out of every list at once and lets no later request link to it.
 * What is left of it is removed by the slices below. Returns null when there is no such conversation (any more).
 * `asOf`: only when it is not pinned, and its last request is no newer (ms).
 */
export async function markDeleted(
  database: Database,
  id: string,
  asOf: number | null = null,
): Promise<ConversationKey | null> {
  return database.db.transaction().execute(async (tx) => {
    const row = await tx
      .selectFrom('conversation')
      .select(['tenant', 'id'])
      .where('id', '=', id)
      .executeTakeFirst();
    if (row === undefined) return null;
    // Linking holds this lock: a request is either in the conversation by now, or will not find it.
    await database.lockTenant(tx, row.tenant);
    const unchanged =
      asOf === null ? sql`true` : sql`not pinned and last_at <= ${timestamp(asOf)}::timestamptz`;
    const { rows } = await sql`update conversation set deleted_at = now()
      where tenant = ${row.tenant} and id = ${id}::uuid and deleted_at is null and ${unchanged}
      returning id`.execute(tx);
    return rows.length === 0 ? null : row;
  });
}

/** Conversations whose deletion has begun. */
export async function deletedConversations(db: Store): Promise<ConversationKey[]> {
  return db
    .selectFrom('conversation')
    .select(['tenant', 'id'])
    .where('deleted_at', 'is not', null)
    .orderBy('id')
    .execute();
}

/**
 * The sessions that only this conversation has requests in: their side calls go with it. Found by the conversation's
 * own requests, so the side calls go first.
 */
export async function ownSessions(db: Store, { tenant, id }: ConversationKey): Promise<string[]> {
  const { rows } = await sql<{ session_id: string }>`
    with own as materialized (
      select distinct session_id from request
      where tenant = ${tenant} and conversation_id = ${id}::uuid and session_id is not null
    )
    select session_id from own where (
      select 1 from request other where other.tenant = ${tenant} and other.session_id = own.session_id
        and other.conversation_id <> ${id}::uuid limit 1
    ) is null`.execute(db);
  return rows.map((row) => row.session_id);
}

export interface DeletedExchanges {
  exchanges: number;
  bytes: number;
  /** Nothing is left of what was to go. */
  done: boolean;
}

/** One slice of the side calls of these sessions. */
export async function deleteSideCalls(
  database: Database,
  tenant: string,
  sessions: string[],
  size: number,
): Promise<DeletedExchanges> {
  return deleteFound(database, tenant, size, async (tx) => {
    const { rows } = await sql<{ id: string }>`
      select call.id from unnest(${sessions}::text[]) as own (session_id)
      cross join lateral (
        select id from request where tenant = ${tenant} and session_id = own.session_id
          and conversation_id is null offset 0
      ) call limit ${size}`.execute(tx);
    return rows;
  });
}

/** One slice of a deleted conversation's requests, the newest first; with the last one the conversation itself. */
export async function deleteRequests(
  database: Database,
  { tenant, id }: ConversationKey,
  size: number,
): Promise<DeletedExchanges> {
  return deleteFound(
    database,
    tenant,
    size,
    async (tx) => {
      // Apart: the index of all requests by their time would lead through whatever is newer.
      const { rows } = await sql<{ id: string }>`
        with own as materialized (
          select id, started_at from request where tenant = ${tenant} and conversation_id = ${id}::uuid
        )
        select id from own order by started_at desc limit ${size}`.execute(tx);
      return rows;
    },
    async (tx) => {
      // Its branches and calls go with it.
      await tx.deleteFrom('conversation').where('tenant', '=', tenant).where('id', '=', id).execute();
    },
  );
}

/** Deletes exchanges of no conversation. */
export async function deleteLoose(
  database: Database,
  tenant: string,
  ids: string[],
): Promise<DeletedExchanges> {
  return deleteFound(database, tenant, ids.length + 1, () => Promise.resolve(ids.map((id) => ({ id }))));
}

/** Forgets the deleted exchanges whose journal files cannot come back any more. */
export async function forgetDeleted(db: Store): Promise<void> {
  await sql`delete from deleted_exchange
    where deleted_at < now() - make_interval(days => ${REMEMBERED_DAYS}::integer)`.execute(db);
}

async function deleteFound(
  database: Database,
  tenant: string,
  size: number,
  find: (tx: Tx) => Promise<{ id: string }[]>,
  atLast: (tx: Tx) => Promise<void> = () => Promise.resolve(),
): Promise<DeletedExchanges> {
  return database.db.transaction().execute(async (tx) => {
    await byIndexOnly(tx);
    await lockHousekeeping(database, tx, tenant);
    // Whoever records takes this lock before the row of an exchange: none is in anybody's hands now.
    await database.lockTenant(tx, tenant);
    const ids = (await find(tx)).map((row) => row.id);
    await deleteExchanges(tx, tenant, ids);
    const done = ids.length < size;
    if (done) await atLast(tx);
    return { exchanges: ids.length, bytes: ids.length * EXCHANGE_BYTES, done };
  });
}

/**
 * Deletes rows and puts the content they referred to on the list of what may be unused (not the nodes within a chain:
 * they are listed when what comes behind them goes). Those that still run, or ended
 * so lately that their journal file may be there, are remembered: a sidecar that dies now reads that file again.
 */
async function deleteExchanges(tx: Tx, tenant: string, ids: string[]): Promise<void> {
  if (ids.length === 0) return;
  await dropFromSearch(tx, tenant, ids);
  await sql`
    with answered as (
      delete from answer where tenant = ${tenant} and id = any(${ids}::uuid[]) returning *
    ), ended as (
      delete from running where tenant = ${tenant} and id = any(${ids}::uuid[])
    ), gone as (
      delete from request where tenant = ${tenant} and id = any(${ids}::uuid[]) returning *
    ), remembered as (
      insert into deleted_exchange (tenant, id)
      select ${tenant}, id from gone
      where id not in (select id from answered) or started_at > now() - interval '1 day'
      on conflict do nothing
    ), reference as (
      select reference.* from gone
      cross join lateral ${referencesOf('request', 'gone')} as reference (key, kind)
      union all
      select reference.* from answered
      cross join lateral ${referencesOf('answer', 'answered')} as reference (key, kind)
    )
    insert into unused (tenant, kind, key)
    select distinct ${tenant}, reference.kind, reference.key
    from reference where reference.key is not null and (reference.kind <> 'node' or (
      select 1 from node below where below.parent = reference.key and ${tenantIs('below', tenant)} limit 1
    ) is null)
    on conflict do nothing`.execute(tx);
}
