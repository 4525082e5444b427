import { createHash } from 'node:crypto';
import { sql, type RawBuilder } from 'kysely';
import type { LinkDecision } from '../core/facts.ts';
import { openBranch } from './branches.ts';
import { isFirstOf, type StoredExchange } from './link-rows.ts';
import type { Store } from './tables.ts';
import { titleOf } from './titles.ts';
import { timestamp } from './values.ts';

/** What a conversation learns from one of its requests when it starts. */
export interface ConversationRequest {
  tenant: string;
  requestId: string;
  at: number;
  project: string | null;
  domain: string;
  accountId: string | null;
  model: string | null;
  messageCount: number;
  /** The client's own, else the first user text. */
  title: string;
}

/** … and when it has ended. */
export interface ConversationOutcome {
  tenant: string;
  requestId: string;
  endedAt: number;
  totalTokens: number;
  contextTokens: number;
  failed: boolean;
  model: string | null;
}

/** Where a request goes, and the statements that make room for it: to be run with the one that inserts its row. */
export interface Place {
  conversationId: string;
  branchId: string;
  changes: RawBuilder<unknown>[];
}

/** Puts a request where the linker decided: opens the conversation or the branch when they are new. */
export async function placeRequest(
  db: Store,
  request: ConversationRequest,
  decision: LinkDecision,
): Promise<Place> {
  const conversationId = decision.conversationId ?? conversationIdOf(request.requestId);
  const { branchId, change } = await openBranch(db, {
    tenant: request.tenant,
    conversationId,
    requestId: request.requestId,
    at: request.at,
    parentId: decision.parentRequestId,
    branch: decision.branch,
  });
  const counted =
    decision.conversationId === null
      ? openConversation(conversationId, request)
      : addRequest(conversationId, request);
  return { conversationId, branchId, changes: [counted, ...(change === null ? [] : [change])] };
}

/**
 * Adds what the end of a request tells to its conversation, whichever that is by now. Run once for each exchange: with
 * the statement that ends its state.
 */
export function addOutcome(outcome: ConversationOutcome, finished: RawBuilder<unknown>): RawBuilder<unknown> {
  const at = timestamp(outcome.endedAt);
  return sql`
    update conversation set
      last_at = greatest(last_at, ${at}::timestamptz),
      total_tokens = total_tokens + ${outcome.totalTokens}::bigint,
      context_tokens = context_tokens + ${outcome.contextTokens}::bigint,
      error_count = error_count + ${outcome.failed ? 1 : 0}::integer,
      models = ${withModel(outcome.model)}
    where tenant = ${outcome.tenant} and ${finished} and id = (
      select conversation_id from request where tenant = ${outcome.tenant} and id = ${outcome.requestId}::uuid)`;
}

/** The same for the same first request, so that rebuilding a tree keeps its links valid. A UUID version 8. */
function conversationIdOf(requestId: string): string {
  const bytes = createHash('sha256').update(`conversation:${requestId}`).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The conversation that a request opens; one it has opened under another id keeps that. */
export async function rootConversation(
  db: Store,
  row: Pick<StoredExchange, 'tenant' | 'id' | 'started_at' | 'conversation_id' | 'link_signal'>,
): Promise<string> {
  const usual = conversationIdOf(row.id);
  const { tenant, id, started_at: at, conversation_id: conversationId } = row;
  if (conversationId === null || conversationId === usual || row.link_signal !== 'root') return usual;
  return (await isFirstOf(db, { tenant, id, at, conversationId })) ? conversationId : usual;
}

/** Opens it where it does not exist: then true. */
export async function ensureConversation(
  db: Store,
  id: string,
  request: ConversationRequest,
): Promise<boolean> {
  const { rows } = await sql`${openConversation(id, request)} on conflict do nothing returning id`.execute(
    db,
  );
  return rows.length > 0;
}

/** With its first request counted. */
function openConversation(id: string, request: ConversationRequest): RawBuilder<unknown> {
  const at = timestamp(request.at);
  return sql`
    insert into conversation (tenant, id, project, domain, account_id, title, started_at, last_at, latest_id,
      latest_started_at, request_count, message_count, models)
    values (${request.tenant}, ${id}, ${request.project}, ${request.domain}, ${request.accountId},
      ${titleOf(request.title)}, ${at}, ${at}, ${request.requestId}, ${at}, 1, ${request.messageCount},
      ${request.model === null ? [] : [request.model]})`;
}

function addRequest(conversationId: string, request: ConversationRequest): RawBuilder<unknown> {
  const at = timestamp(request.at);
  return sql`
    update conversation set
      last_at = greatest(last_at, ${at}::timestamptz),
      latest_id = case when latest_started_at <= ${at}::timestamptz then ${request.requestId}::uuid else latest_id end,
      latest_started_at = greatest(latest_started_at, ${at}::timestamptz),
      request_count = request_count + 1,
      message_count = greatest(message_count, ${request.messageCount}::integer),
      account_id = coalesce(account_id, ${request.accountId}::text),
      models = ${withModel(request.model)}
    where tenant = ${request.tenant} and id = ${conversationId}`;
}

const withModel = (model: string | null) =>
  sql`case when ${model}::text is null or ${model}::text = any(models) then models else models || ${model}::text end`;

/** False when there is no such conversation. */
export async function setPinned(db: Store, id: string, pinned: boolean): Promise<boolean> {
  const row = await db
    .updateTable('conversation')
    .set({ pinned })
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}
