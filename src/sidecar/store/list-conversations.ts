import { sql, type RawBuilder } from 'kysely';
import type { ConversationQuery } from '../../protocol/queries.ts';
import type { ConversationPage, ExchangeState } from '../../protocol/rows.ts';
import { selectConversations, toConversationRow } from './conversation-rows.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import type { ReadableStore } from './columns.ts';
import { timestamp } from './values.ts';

/** One page of conversations, the latest activity first. The dates select those active within them. */
export async function listConversations(
  store: ReadableStore,
  query: ConversationQuery,
): Promise<ConversationPage> {
  const rows = await selectConversations(store, conditionsOf(query), query.limit + 1);
  const page = rows.slice(0, query.limit);
  const last = rows.length > query.limit ? page.at(-1) : undefined;
  return {
    conversations: page.map(toConversationRow),
    pagination: {
      limit: query.limit,
      nextCursor: last === undefined ? null : encodeCursor({ at: last.last_at, id: last.id }),
    },
  };
}

function conditionsOf(query: ConversationQuery): RawBuilder<unknown>[] {
  const found: RawBuilder<unknown>[] = [];
  if (query.project !== undefined) found.push(sql`conversation.project = ${query.project}`);
  if (query.domain !== undefined) found.push(sql`conversation.domain = ${query.domain}`);
  if (query.accountId !== undefined) found.push(sql`conversation.account_id = ${query.accountId}`);
  if (query.model !== undefined) found.push(sql`${query.model}::text = any(conversation.models)`);
  if (query.state !== undefined) found.push(latestIs(query.state));
  if (query.branchKind !== undefined) found.push(hasBranch(query.branchKind));
  if (query.search !== undefined) found.push(mentions(query.search));
  if (query.dateFrom !== undefined) found.push(sql`conversation.last_at >= ${query.dateFrom}::timestamptz`);
  if (query.dateTo !== undefined) found.push(sql`conversation.started_at < ${query.dateTo}::timestamptz`);
  if (query.cursor !== undefined) {
    const { at, id } = decodeCursor(query.cursor);
    found.push(sql`(conversation.last_at, conversation.id) < (${timestamp(at)}::timestamptz, ${id}::uuid)`);
  }
  return found;
}

/** The newest request's state: it runs until it has an answer. Those that did not end well are few, and have an index. */
function latestIs(state: ExchangeState): RawBuilder<unknown> {
  const answer = sql`select from answer where answer.tenant = conversation.tenant and answer.id = conversation.latest_id`;
  if (state === 'running') return sql`not exists (${answer})`;
  if (state === 'completed') return sql`exists (${answer} and answer.state = ${state})`;
  return sql`(conversation.tenant, conversation.latest_id) in (
    select tenant, id from answer where state = ${state} and state <> 'completed')`;
}

const hasBranch = (kind: string): RawBuilder<unknown> => sql`exists (
  select from branch where branch.tenant = conversation.tenant
    and branch.conversation_id = conversation.id and branch.kind = ${kind})`;

/**
 * Titles and previews only; the text of messages is another query's job. `offset 0`: looked up for one conversation
 * after the other until the page is full, never for all exchanges at once.
 */
function mentions(text: string): RawBuilder<unknown> {
  const pattern = `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
  return sql`(conversation.title ilike ${pattern} or exists (
    select from request where request.tenant = conversation.tenant
      and request.conversation_id = conversation.id and request.preview ilike ${pattern} offset 0))`;
}
