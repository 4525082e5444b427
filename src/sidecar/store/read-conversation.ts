import { sql } from 'kysely';
import type { BranchRow, ConversationDetail, InvocationRow } from '../../protocol/rows.ts';
import { selectConversations, toConversationRow } from './conversation-rows.ts';
import type { ReadableStore } from './columns.ts';
import { invocationStates } from './invocation-states.ts';
import { contextTokens, toRequestRow, type ExchangeSummary } from './rows.ts';
import { selectSummaries } from './summaries.ts';
import type { BranchTable, InvocationTable } from './tables.ts';

/** A conversation with everything its tree is drawn from; no bodies. */
export async function readConversation(store: ReadableStore, id: string): Promise<ConversationDetail | null> {
  const [conversation] = await selectConversations(store, [sql`conversation.id = ${id}::uuid`], 1);
  if (conversation === undefined) return null;
  const { tenant } = conversation;
  // Beside each other, the long one and the short ones: two of the connections PostgreSQL has for reads.
  const [requests, { branches, calls, sideCalls }] = await Promise.all([
    selectSummaries(store, sql`where exchange.tenant = ${tenant} and exchange.conversation_id = ${id}::uuid`),
    readSurroundings(store, tenant, id),
  ]);
  const onBranch = Map.groupBy(requests, (request) => request.branch_id);
  const byId = new Map(requests.map((request) => [request.id, request]));
  const stateOf = invocationStates(requests);
  return {
    conversation: toConversationRow(conversation),
    branches: branches.map((branch) => toBranchRow(branch, onBranch.get(branch.branch_id) ?? [], byId)),
    requests: requests.map(toRequestRow),
    invocations: calls.map((call) => toInvocationRow(call, stateOf(call))),
    sideCalls: sideCalls.map(toRequestRow),
  };
}

interface Surroundings {
  branches: StoredBranch[];
  calls: StoredInvocation[];
  sideCalls: ExchangeSummary[];
}

async function readSurroundings(store: ReadableStore, tenant: string, id: string): Promise<Surroundings> {
  const { db } = store;
  const branches = await db
    .selectFrom('branch')
    .select(['branch_id', 'kind', 'parent_id', 'first_id'])
    .where('tenant', '=', tenant)
    .where('conversation_id', '=', id)
    .orderBy('created_at')
    .execute();
  const calls = await db
    .selectFrom('invocation')
    .select(['tool_use_id', 'parent_id', 'name', 'prompt', 'agent_type', 'branch_id'])
    .where('tenant', '=', tenant)
    .where('conversation_id', '=', id)
    .orderBy('ordinal')
    .execute();
  return { branches, calls, sideCalls: await selectSideCalls(store, tenant, id) };
}

/** Metadata calls of the conversation's sessions: titles, topic checks, quota probes, token counts. */
function selectSideCalls(
  store: ReadableStore,
  tenant: string,
  conversationId: string,
): Promise<ExchangeSummary[]> {
  return selectSummaries(
    store,
    sql`
    where exchange.tenant = ${tenant} and exchange.conversation_id is null and exchange.session_id in (
      select distinct own.session_id from request as own
      where own.tenant = ${tenant} and own.conversation_id = ${conversationId}::uuid and own.session_id is not null)`,
  );
}

type StoredBranch = Pick<BranchTable, 'branch_id' | 'kind' | 'parent_id' | 'first_id'>;

/** `contextTokens`: how full the context was with the newest answered request. */
function toBranchRow(
  branch: StoredBranch,
  requests: ExchangeSummary[],
  byId: Map<string, ExchangeSummary>,
): BranchRow {
  const started = Math.min(...requests.map((request) => request.started_at));
  const ended = Math.max(...requests.map((request) => request.ended_at ?? request.started_at));
  const answered = requests.findLast((request) => contextTokens(request) > 0);
  return {
    branchId: branch.branch_id,
    kind: branch.kind,
    parentRequestId: branch.parent_id,
    firstRequestId: requests[0]?.id ?? branch.first_id,
    lastRequestId: requests.at(-1)?.id ?? branch.first_id,
    requestCount: requests.length,
    messageCount: Math.max(0, ...requests.map((request) => request.message_count)),
    totalTokens: requests.reduce((sum, request) => sum + request.input_tokens + request.output_tokens, 0),
    cost: null,
    contextTokens: answered === undefined ? 0 : contextTokens(answered),
    durationMs: requests.length === 0 ? 0 : ended - started,
    toolMs: requests.reduce((sum, request) => sum + timeInTools(request, byId), 0),
  };
}

/** From the end of a response that calls tools to the request that brings their results. */
function timeInTools(request: ExchangeSummary, byId: Map<string, ExchangeSummary>): number {
  const parent = request.parent_id === null ? undefined : byId.get(request.parent_id);
  if (parent === undefined || request.retry_of !== null || parent.branch_id !== request.branch_id) return 0;
  if (parent.tool_call_count === 0 || parent.ended_at === null) return 0;
  return Math.max(0, request.started_at - parent.ended_at);
}

type StoredInvocation = Pick<
  InvocationTable,
  'tool_use_id' | 'parent_id' | 'name' | 'prompt' | 'agent_type' | 'branch_id'
>;

function toInvocationRow(call: StoredInvocation, state: InvocationRow['state']): InvocationRow {
  return {
    toolUseId: call.tool_use_id,
    parentRequestId: call.parent_id,
    name: call.name,
    prompt: call.prompt,
    agentType: call.agent_type,
    branchId: call.branch_id,
    state,
  };
}
