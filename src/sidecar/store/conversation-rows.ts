import { sql, type RawBuilder } from 'kysely';
import type { ConversationRow, ExchangeState } from '../../protocol/rows.ts';
import type { Store } from './tables.ts';
import { isoTime } from './values.ts';

export interface StoredConversation {
  tenant: string;
  id: string;
  title: string;
  project: string | null;
  domain: string;
  account_id: string | null;
  source: 'live' | 'imported';
  pinned: boolean;
  started_at: number;
  last_at: number;
  latest_id: string;
  request_count: number;
  message_count: number;
  total_tokens: number;
  context_tokens: number;
  error_count: number;
  models: string[];
  latest_state: ExchangeState;
  latest_model: string | null;
  latest_context: number;
  branch_count: number;
  subtask_count: number;
  compact_count: number;
}

/** Conversations (but deleted ones) with their newest request and the number of their branches. `rest`: conditions, order and limit. */
export async function selectConversations(
  db: Store,
  rest: RawBuilder<unknown>,
): Promise<StoredConversation[]> {
  const { rows } = await sql<StoredConversation>`
    select conversation.*, latest.state as latest_state, latest.model as latest_model,
      latest.input_tokens + latest.cache_read_tokens + latest.cache_creation_tokens as latest_context,
      branches.branch_count, branches.subtask_count, branches.compact_count
    from conversation
    join exchange latest on latest.tenant = conversation.tenant and latest.id = conversation.latest_id
      and conversation.deleted_at is null
    cross join lateral (
      select count(*)::integer as branch_count,
        (count(*) filter (where kind = 'subtask'))::integer as subtask_count,
        (count(*) filter (where kind = 'compact'))::integer as compact_count
      from branch where branch.tenant = conversation.tenant and branch.conversation_id = conversation.id
    ) branches
    ${rest}`.execute(db);
  return rows;
}

/** `contextTokens` is the sum over the requests, like `totalTokens`; how full the context is, `latestContextTokens`. */
export function toConversationRow(row: StoredConversation): ConversationRow {
  return {
    conversationId: row.id,
    title: row.title,
    project: row.project,
    domain: row.domain,
    accountId: row.account_id,
    source: row.source,
    state: row.latest_state,
    pinned: row.pinned,
    firstMessageTime: isoTime(row.started_at),
    lastMessageTime: isoTime(row.last_at),
    requestCount: row.request_count,
    messageCount: row.message_count,
    totalTokens: row.total_tokens,
    contextTokens: row.context_tokens,
    cost: null,
    errorCount: row.error_count,
    branchCount: row.branch_count,
    subtaskBranchCount: row.subtask_count,
    compactBranchCount: row.compact_count,
    modelsUsed: row.models,
    latestRequestId: row.latest_id,
    latestModel: row.latest_model,
    latestContextTokens: row.latest_context,
  };
}
