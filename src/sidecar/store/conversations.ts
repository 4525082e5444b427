import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { LinkDecision } from '../core/facts.ts';
import { openBranch } from './branches.ts';
import type { Store } from './tables.ts';
import { cleanText, timestamp } from './values.ts';

const TITLE_LENGTH = 120;

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
  /** The first user text. */
  title: string;
}

/** … and when it has ended. */
export interface ConversationOutcome {
  tenant: string;
  conversationId: string;
  endedAt: number;
  totalTokens: number;
  contextTokens: number;
  failed: boolean;
  model: string | null;
}

/** Puts a request where the linker decided: opens the conversation or the branch when they are new. */
export async function placeRequest(
  db: Store,
  request: ConversationRequest,
  decision: LinkDecision,
): Promise<{ conversationId: string; branchId: string }> {
  const conversationId = decision.conversationId ?? conversationIdOf(request.requestId);
  if (decision.conversationId === null) await openConversation(db, conversationId, request);
  const branchId = await openBranch(db, {
    tenant: request.tenant,
    conversationId,
    requestId: request.requestId,
    at: request.at,
    parentId: decision.parentRequestId,
    branch: decision.branch,
  });
  await addRequest(db, conversationId, request);
  return { conversationId, branchId };
}

/** Adds what the end of a request tells. Called once for each exchange: in the transaction that ends its state. */
export async function addOutcome(db: Store, outcome: ConversationOutcome): Promise<void> {
  const at = timestamp(outcome.endedAt);
  await sql`
    update conversation set
      last_at = greatest(last_at, ${at}::timestamptz),
      total_tokens = total_tokens + ${outcome.totalTokens}::bigint,
      context_tokens = context_tokens + ${outcome.contextTokens}::bigint,
      error_count = error_count + ${outcome.failed ? 1 : 0}::integer,
      models = ${withModel(outcome.model)}
    where tenant = ${outcome.tenant} and id = ${outcome.conversationId}`.execute(db);
}

/** The same for the same first request, so that rebuilding a tree keeps its links valid. A UUID version 8. */
function conversationIdOf(requestId: string): string {
  const bytes = createHash('sha256').update(`conversation:${requestId}`).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The first line with something on it, at most 120 characters. */
function titleOf(text: string): string {
  const line = text.split('\n').find((candidate) => candidate.trim() !== '') ?? '';
  const clean = line.replaceAll(/\s+/g, ' ').trim();
  if (clean === '') return 'Untitled';
  return cleanText(clean.length > TITLE_LENGTH ? `${clean.slice(0, TITLE_LENGTH - 1).trimEnd()}…` : clean);
}

async function openConversation(db: Store, id: string, request: ConversationRequest): Promise<void> {
  const at = timestamp(request.at);
  await db
    .insertInto('conversation')
    .values({
      tenant: request.tenant,
      id,
      project: request.project,
      domain: request.domain,
      account_id: request.accountId,
      title: titleOf(request.title),
      started_at: at,
      last_at: at,
      latest_id: request.requestId,
      latest_started_at: at,
    })
    .execute();
}

async function addRequest(db: Store, conversationId: string, request: ConversationRequest): Promise<void> {
  const at = timestamp(request.at);
  await sql`
    update conversation set
      last_at = greatest(last_at, ${at}::timestamptz),
      latest_id = case when latest_started_at <= ${at}::timestamptz then ${request.requestId}::uuid else latest_id end,
      latest_started_at = greatest(latest_started_at, ${at}::timestamptz),
      request_count = request_count + 1,
      message_count = greatest(message_count, ${request.messageCount}::integer),
      account_id = coalesce(account_id, ${request.accountId}::text),
      models = ${withModel(request.model)}
    where tenant = ${request.tenant} and id = ${conversationId}`.execute(db);
}

const withModel = (model: string | null) =>
  sql`case when ${model}::text is null or ${model}::text = any(models) then models else models || ${model}::text end`;
