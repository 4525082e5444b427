import type { InvocationRow } from '../../protocol/rows.ts';
import type { ExchangeSummary } from './rows.ts';
import type { InvocationTable } from './tables.ts';

type Call = Pick<InvocationTable, 'parent_id' | 'branch_id'>;

/**
 * Whether what a call started runs, has ended or failed, from a conversation's requests in order of time.
 *
 * A sub-task runs until its newest answer calls no more tools. One that never sent a request, or stopped among its
 * tools, is over when its parent went on after it; a parent goes on beside one in the background. What an answer calls
 * that was cut off is not carried out.
 */
export function invocationStates(requests: ExchangeSummary[]): (call: Call) => InvocationRow['state'] {
  const byId = new Map(requests.map((request) => [request.id, request]));
  const byParent = Map.groupBy(requests, (request) => request.parent_id);
  const bySubtask = Map.groupBy(requests, subtaskOf(requests));
  return (call) => {
    const own = bySubtask.get(call.branch_id) ?? [];
    if (own.some(({ state }) => state === 'running')) return 'running';
    const newest = own.at(-1);
    if (newest !== undefined && newest.state !== 'completed') return 'failed';
    if (newest?.tool_call_count === 0) return 'done';
    const caller = byId.get(call.parent_id)?.state ?? 'completed';
    if (newest === undefined && caller !== 'running' && caller !== 'completed') return 'failed';
    const since = newest === undefined ? 0 : (newest.ended_at ?? newest.started_at);
    const wentOn = (byParent.get(call.parent_id) ?? []).some(
      (request) => request.parent_task_id !== call.parent_id && request.started_at >= since,
    );
    return wentOn ? 'done' : 'running';
  };
}

/** The branch `subtask_N` that a request is part of, whatever branches and compactions it has of its own; null: none. */
function subtaskOf(requests: ExchangeSummary[]): (request: ExchangeSummary) => string | null {
  const found = new Map<string, string | null>();
  for (const { id, branch_id: branch, parent_id: parent, retry_of: first } of requests) {
    // Agents of one workflow call have `subtask_N`, `subtask_N_2` …
    const own = /^subtask_\d+/.exec(branch ?? '')?.[0];
    found.set(id, own ?? found.get(first ?? parent ?? '') ?? null);
  }
  return ({ id }) => found.get(id) ?? null;
}
