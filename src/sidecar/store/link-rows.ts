import { sql, type Insertable, type Selectable } from 'kysely';
import { createAssembler } from '../core/assemble.ts';
import type { ResponseFacts } from '../core/facts.ts';
import type { RequestHead } from '../core/frames.ts';
import { contentType } from './compactions.ts';
import { readHeaders, readRequestBody } from './contents.ts';
import type { ExchangeKey } from './relink-list.ts';
import { readResponse, readResponseHeaders } from './responses.ts';
import type { ExchangeTable, RequestTable, Store } from './tables.ts';
import { timestamp } from './values.ts';

/** What linking decided of an exchange, and what it read of it for that. */
export type LinkColumns = Pick<
  Insertable<RequestTable>,
  | 'type'
  | 'message_count'
  | 'summarises'
  | 'tool_ids'
  | 'conversation_id'
  | 'branch_id'
  | 'parent_id'
  | 'retry_of'
  | 'is_subtask'
  | 'parent_task_id'
  | 'request_link'
  | 'link_depth'
  | 'link_version'
  | 'link_signal'
  | 'link_matched'
  | 'link_candidates'
>;

/** An exchange as it is stored; `own_tool_ids`: of its request alone. */
export type StoredExchange = Selectable<ExchangeTable> & {
  own_tool_ids: number[] | null;
  envelope: Buffer;
};

/** null: deleted since, or of a conversation on its way out. */
export async function readStoredExchange(
  db: Store,
  { tenant, id }: ExchangeKey,
): Promise<StoredExchange | null> {
  const { rows } = await sql<StoredExchange>`
    select exchange.*, request.tool_ids as own_tool_ids, request.envelope from exchange
    join request on request.tenant = exchange.tenant and request.id = exchange.id
    where exchange.tenant = ${tenant} and exchange.id = ${id}::uuid and (
      select deleted_at from conversation
      where conversation.tenant = exchange.tenant and conversation.id = exchange.conversation_id
    ) is null`.execute(db);
  return rows[0] ?? null;
}

/** The request as it was journalled, but for what is not stored with it: its account is a column. */
export async function readStoredRequest(
  db: Store,
  row: StoredExchange,
): Promise<{ head: RequestHead; body: Buffer | null }> {
  return {
    head: {
      id: row.id,
      tenant: row.tenant,
      project: row.project,
      domain: row.domain,
      method: row.method,
      path: row.path,
      httpVersion: row.http_version,
      headers: await readHeaders(db, row),
      credential: null,
      redactions: [],
    },
    body: await readRequestBody(db, row.tenant, row),
  };
}

/** What an exchange's response says; null when it has none, or its content was too large to be kept. */
export async function readStoredResponse(db: Store, row: StoredExchange): Promise<ResponseFacts | null> {
  const response = await readResponse(db, row.tenant, row);
  if (response === null) return null;
  const assembler = createAssembler(
    contentType(await readResponseHeaders(db, row.tenant, row)),
    row.streaming,
  );
  assembler.push(response.bytes, 0);
  return assembler.end();
}

/** Writes what linking found. */
export async function updateLink(
  db: Store,
  { tenant, id }: ExchangeKey,
  columns: Partial<LinkColumns>,
): Promise<void> {
  await db.updateTable('request').set(columns).where('tenant', '=', tenant).where('id', '=', id).execute();
}

/** The hash behind the answer's last block, and what the answer alone is found by (see `answerKey`). */
export async function updateResponseLinks(
  db: Store,
  { tenant, id }: ExchangeKey,
  { link, key }: { link: Buffer | null; key: Buffer | null },
): Promise<void> {
  await sql`update answer set response_link = ${link}::bytea, answer_key = ${key}::bytea
    where tenant = ${tenant} and id = ${id}::uuid
      and (response_link, answer_key) is distinct from (${link}::bytea, ${key}::bytea)`.execute(db);
}

/** Hashes of an older version: of the system prompt (for all requests that share it) and of the calls' prompts. */
export async function updateHashes(
  db: Store,
  row: Pick<StoredExchange, 'tenant' | 'id' | 'envelope'>,
  systemHash: Buffer | null,
  calls: { toolUseId: string; promptHash: Buffer }[],
): Promise<void> {
  await sql`update envelope set system_hash = ${systemHash}::bytea
    where tenant = ${row.tenant} and key = ${row.envelope} and system_hash is distinct from ${systemHash}::bytea`.execute(
    db,
  );
  for (const { toolUseId, promptHash } of calls) {
    await sql`update invocation set prompt_hash = ${promptHash}::bytea
      where tenant = ${row.tenant} and parent_id = ${row.id}::uuid and tool_use_id = ${toolUseId}
        and prompt_hash <> ${promptHash}::bytea`.execute(db);
  }
}

/** Another type counts elsewhere in the totals of the past. */
export async function updateUsageType(db: Store, row: StoredExchange, type: string): Promise<void> {
  await sql`update usage set type = ${type}::exchange_type
    where at = ${timestamp(row.started_at)}::timestamptz and tenant = ${row.tenant} and exchange_id = ${row.id}::uuid`.execute(
    db,
  );
}

/** The calls an exchange has claimed: one at most, of the request it hangs from. */
export async function claimOf(
  db: Store,
  tenant: string,
  parentId: string | null,
  id: string,
): Promise<string | null> {
  if (parentId === null) return null;
  const { rows } = await sql<{ tool_use_id: string }>`
    select tool_use_id from invocation
    where tenant = ${tenant} and parent_id = ${parentId}::uuid and claimed_by = ${id}::uuid`.execute(db);
  return rows[0]?.tool_use_id ?? null;
}

/** Lets go of a call that it does not belong to any more. */
export async function releaseClaim(
  db: Store,
  tenant: string,
  parentId: string,
  toolUseId: string,
): Promise<void> {
  await sql`update invocation set claimed_by = null
    where tenant = ${tenant} and parent_id = ${parentId}::uuid and tool_use_id = ${toolUseId}`.execute(db);
}

/** Claims a call, also from a request that began later; returns that one's id. */
export async function takeClaim(
  db: Store,
  claim: { tenant: string; parentId: string; toolUseId: string; id: string; at: number },
): Promise<string | null> {
  const { tenant, parentId, toolUseId, id, at } = claim;
  const { rows } = await sql<{ before: string | null }>`
    with wanted as materialized (
      select claimed_by, (
        select (claimer.started_at, claimer.id) < (${timestamp(at)}::timestamptz, ${id}::uuid)
        from request claimer where claimer.tenant = ${tenant} and claimer.id = invocation.claimed_by
      ) as earlier
      from invocation
      where tenant = ${tenant} and parent_id = ${parentId}::uuid and tool_use_id = ${toolUseId}
    )
    update invocation set claimed_by = ${id}::uuid from wanted
    where tenant = ${tenant} and parent_id = ${parentId}::uuid and tool_use_id = ${toolUseId}
      and (wanted.claimed_by is null or wanted.earlier is false)
    returning wanted.claimed_by as before`.execute(db);
  return rows[0]?.before ?? null;
}

/** The branches there were in a conversation when an exchange began. */
export async function branchesThen(
  db: Store,
  { tenant, id, at, conversationId }: ExchangeKey & { at: number; conversationId: string },
): Promise<Set<string>> {
  const { rows } = await sql<{ branch_id: string }>`
    select distinct branch_id from request where tenant = ${tenant} and conversation_id = ${conversationId}::uuid
      and (started_at, id) < (${timestamp(at)}::timestamptz, ${id}::uuid)`.execute(db);
  return new Set(rows.map((row) => row.branch_id));
}

/** True when nothing earlier is in a conversation than this exchange: it has given the conversation its id. */
export async function isFirstOf(
  db: Store,
  key: ExchangeKey & { at: number; conversationId: string },
): Promise<boolean> {
  const { rows } = await sql`
    select from request where tenant = ${key.tenant} and conversation_id = ${key.conversationId}::uuid
      and (started_at, id) < (${timestamp(key.at)}::timestamptz, ${key.id}::uuid) limit 1`.execute(db);
  return rows.length === 0;
}
