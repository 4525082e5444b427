import { sql } from 'kysely';
import type { ConversationKey } from './delete-conversation.ts';
import { BLOCK_BYTES, EXCHANGE_BYTES, NODE_BYTES } from './row-costs.ts';
import { rowsOf } from './table-sizes.ts';
import type { Store } from './tables.ts';
import { timestamp } from './values.ts';

/** Pages of 8 KB that are added up in one slice. */
const PAGES_PER_SLICE = 500;

export type OldConversation = ConversationKey & { lastAt: number; requests: number };

/**
 * Conversations that may be deleted, the one without a request for the longest time first: not pinned, nothing running
 * (what runs for more than a day was left by a sidecar that never came back). `before`: only those whose last request
 * is older, in ms; `after`: only those behind that one in this order.
 */
export async function oldConversations(
  db: Store,
  before: number,
  after: OldConversation | null,
  limit: number,
): Promise<OldConversation[]> {
  const older = before === Infinity ? sql`true` : sql`last_at < ${timestamp(before)}::timestamptz`;
  const behind =
    after === null
      ? sql`true`
      : sql`(last_at, id) > (${timestamp(after.lastAt)}::timestamptz, ${after.id}::uuid)`;
  const { rows } = await sql<OldConversation>`
    select tenant, id, last_at as "lastAt", request_count as requests from conversation
    where ${older} and ${behind} and deleted_at is null and not pinned and (
      select 1 from exchange where exchange.tenant = conversation.tenant
        and exchange.conversation_id = conversation.id and exchange.state = 'running'
        and exchange.started_at > now() - interval '1 day' limit 1
    ) is null
    order by last_at, id limit ${limit}`.execute(db);
  return rows;
}

/** Where a walk through the exchanges of no conversation stands. */
export interface LoosePosition {
  at: number;
  id: string;
}

/**
 * One slice of the exchanges of no conversation that are older than `before`, in order: the ids of those that may go.
 * Side calls of a session that has a conversation stay as long as that does.
 */
export async function looseExchanges(
  db: Store,
  tenant: string,
  before: number,
  after: LoosePosition | null,
  limit: number,
): Promise<{ ids: string[]; last: LoosePosition | null; more: boolean }> {
  const older = before === Infinity ? sql`true` : sql`started_at < ${timestamp(before)}::timestamptz`;
  const behind =
    after === null
      ? sql`true`
      : sql`(started_at, id) > (${timestamp(after.at)}::timestamptz, ${after.id}::uuid)`;
  const { rows } = await sql<{ id: string; at: number; kept: boolean }>`
    select id, started_at as at,
      (state = 'running' and started_at > now() - interval '1 day') or (session_id is not null and (
        select 1 from request other where other.tenant = ${tenant} and other.session_id = loose.session_id
          and other.conversation_id is not null limit 1
      ) is not null) as kept
    from exchange loose
    where tenant = ${tenant} and conversation_id is null and ${older} and ${behind}
    order by started_at, id limit ${limit}`.execute(db);
  return {
    ids: rows.filter((row) => !row.kept).map((row) => row.id),
    last: rows.at(-1) ?? null,
    more: rows.length === limit,
  };
}

/** Tenants with exchanges, by their envelopes, whose key has the tenant first: one look-up for each. */
export async function listTenants(db: Store): Promise<string[]> {
  const { rows } = await sql<{ tenant: string }>`
    with recursive found as (
      (select tenant from envelope order by tenant limit 1)
      union all
      select (select tenant from envelope where envelope.tenant > found.tenant order by tenant limit 1)
      from found where found.tenant is not null
    )
    select tenant from found where tenant is not null`.execute(db);
  return rows.map((row) => row.tenant);
}

/**
 * What all rows take, index entries included and the free room of the files not: content is added up by slices of its
 * tables' pages (`measureSlice`), what rows take beside it is their number times a measured figure.
 */
export async function measureStart(
  db: Store,
): Promise<{ fileBytes: number; rowBytes: number; slices: number }> {
  const rowBytes = (await rowsOf(db, 'request')) * EXCHANGE_BYTES + (await rowsOf(db, 'node')) * NODE_BYTES;
  const { rows } = await sql<{ pages: number; bytes: number }>`select
    greatest(pg_relation_size('block'), pg_relation_size('node')) / current_setting('block_size')::bigint as pages,
    pg_total_relation_size('block') + pg_total_relation_size('node') +
      pg_total_relation_size('request') + pg_total_relation_size('answer') as bytes
  `.execute(db);
  const { pages, bytes } = rows[0]!;
  return { fileBytes: bytes, rowBytes, slices: Math.ceil(pages / PAGES_PER_SLICE) };
}

/** Bytes of the blocks and runs on the pages of one slice, of both tables. */
export async function measureSlice(db: Store, slice: number): Promise<number> {
  const from = slice * PAGES_PER_SLICE;
  const there = sql`ctid >= ${`(${from},0)`}::tid and ctid < ${`(${from + PAGES_PER_SLICE},0)`}::tid`;
  const { rows } = await sql<{ bytes: number }>`
    select (select coalesce(sum(octet_length(bytes) + ${BLOCK_BYTES}::integer), 0) from block where ${there})
      + (select coalesce(sum(octet_length(run)), 0) from node where ${there}) as bytes`.execute(db);
  return rows[0]!.bytes;
}

/** What was stored with the requests of a conversation: what deleting it frees, if nobody else uses any of it. */
export async function bytesOfConversation(db: Store, { tenant, id }: ConversationKey): Promise<number> {
  const { rows } = await sql<{ bytes: number }>`
    select coalesce(sum(stored_bytes + ${EXCHANGE_BYTES}::integer), 0) as bytes from exchange
    where tenant = ${tenant} and conversation_id = ${id}::uuid`.execute(db);
  return rows[0]!.bytes;
}
