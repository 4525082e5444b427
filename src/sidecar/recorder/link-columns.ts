import type { LinkDecision, RequestFacts } from '../core/facts.ts';
import type { LinkColumns, StoredExchange } from '../store/link-rows.ts';
import type { Moved } from '../store/relink-list.ts';
import { toolNumbersOrNull } from '../store/tool-numbers.ts';
import { linkVersion, type RequestChain } from './request-chain.ts';

/** What is written of an exchange that was linked anew. */
export function linkColumns(
  facts: RequestFacts,
  chain: RequestChain,
  decision: LinkDecision,
  place: { conversationId: string; branchId: string } | null,
): LinkColumns {
  return {
    type: facts.requestType,
    message_count: facts.messageCount + chain.heldMessages,
    summarises: facts.summarises,
    tool_ids: toolNumbersOrNull(facts.lastToolIds),
    conversation_id: place?.conversationId ?? null,
    branch_id: place?.branchId ?? null,
    parent_id: decision.parentRequestId,
    retry_of: decision.retryOf,
    is_subtask: decision.isSubtask,
    parent_task_id: decision.parentTaskRequestId,
    request_link: place === null ? null : chain.tip,
    link_depth: chain.depth,
    link_version: linkVersion,
    link_signal: decision.signal,
    link_matched: decision.matched,
    link_candidates: JSON.stringify(decision.candidates),
  };
}

/** Where it was and is, when that has changed. */
export function branchesMoved(
  { conversation_id, branch_id }: StoredExchange,
  place: { conversationId: string; branchId: string } | null,
): Moved['branches'] {
  if (conversation_id === (place?.conversationId ?? null) && branch_id === (place?.branchId ?? null)) {
    return [];
  }
  return [{ conversationId: conversation_id, branchId: branch_id }, ...(place === null ? [] : [place])];
}

const TREE = [
  'type',
  'conversation_id',
  'branch_id',
  'parent_id',
  'retry_of',
  'is_subtask',
  'parent_task_id',
  'summarises',
] as const;

/** Something that others are linked by, or shown under. */
export function movesTree(row: StoredExchange, columns: LinkColumns): boolean {
  const { request_link: old } = row;
  const link = columns.request_link ?? null;
  const sameLink = old === null || link === null ? old === link : old.equals(link);
  return !sameLink || TREE.some((name) => row[name] !== columns[name]);
}

/** Nobody else is linked by what differs. */
export function explainsOtherwise(row: StoredExchange, columns: LinkColumns): boolean {
  return (
    (['message_count', 'link_depth', 'link_version', 'link_signal', 'link_matched'] as const).some(
      (name) => row[name] !== columns[name],
    ) ||
    JSON.stringify(row.link_candidates) !== columns.link_candidates ||
    JSON.stringify(row.own_tool_ids) !== JSON.stringify(columns.tool_ids)
  );
}
