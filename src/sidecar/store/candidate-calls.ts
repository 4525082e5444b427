import { sql, type RawBuilder } from 'kysely';
import type { InvocationCandidate } from '../core/facts.ts';
import { candidateRows, earlier, endedByThen, type CandidateRow, type StoreQuery } from './candidate-rows.ts';
import type { Store } from './tables.ts';
import { timestamp } from './values.ts';

const CALL_LIMIT = 20;

export type CallCandidate = Omit<InvocationCandidate, 'parent'> & { parent: CandidateRow };

/**
 * Unclaimed Task/Agent calls with the same prompt anywhere in the tenant, the own session's first; with
 * `anyInvocation` also the session's unclaimed ones and its workflows. In the `past`, what a later request has
 * claimed since was still open.
 */
export async function findCalls(db: Store, query: StoreQuery): Promise<CallCandidate[]> {
  const open = query.past ? openThen(query) : sql`invocation.claimed_by is null`;
  const { sessionId } = query.scope;
  const byPrompt =
    query.promptHashes.length === 0
      ? []
      : await callRows(
          db,
          query,
          open,
          sql`${open} and invocation.prompt_hash = any(${query.promptHashes}::bytea[])`,
        );
  const bySession =
    sessionId === null || !query.anyInvocation
      ? []
      : await callRows(
          db,
          query,
          open,
          sql`invocation.session_id = ${sessionId}
            and (${open} or invocation.name = 'Workflow')`,
        );
  const calls = new Map([...byPrompt, ...bySession].map((row) => [`${row.id} ${row.call_tool}`, row]));
  return [...calls.values()].map((row) => ({
    toolUseId: row.call_tool,
    name: row.call_name,
    claimed: row.call_claimed,
    branchId: row.call_branch,
    prompt: row.call_prompt,
    promptHash: row.call_hash,
    calledAt: row.call_at,
    ordinal: row.call_ordinal,
    parentEndedAt: row.call_ended,
    parent: row,
  }));
}

interface CallRow {
  call_tool: string;
  call_name: string;
  call_claimed: boolean;
  call_branch: string;
  call_prompt: string;
  call_hash: Buffer;
  call_at: number;
  call_ordinal: number;
  call_ended: number | null;
}

function callRows(
  db: Store,
  query: StoreQuery,
  open: RawBuilder<unknown>,
  condition: RawBuilder<unknown>,
): Promise<(CandidateRow & CallRow)[]> {
  return candidateRows<CallRow>(
    db,
    query,
    sql`select exchange.id, invocation.tool_use_id as call_tool,
        invocation.name as call_name, not ${open} as call_claimed,
        invocation.branch_id as call_branch, invocation.prompt as call_prompt, invocation.prompt_hash as call_hash,
        invocation.called_at as call_at, invocation.ordinal as call_ordinal,
        invocation.session_id is not distinct from ${query.scope.sessionId}::text as call_session
      from invocation cross join lateral (
        select * from request where request.tenant = invocation.tenant and request.id = invocation.parent_id offset 0
      ) exchange
      where invocation.tenant = ${query.scope.tenant} and ${earlier(query)}
        and invocation.called_at <= ${timestamp(query.at)}::timestamptz and ${condition}`,
    {
      columns: sql`, case when ${endedByThen(query)} then exchange.ended_at end as call_ended, call_tool, call_name, call_claimed, call_branch, call_prompt, call_hash, call_at,
        call_ordinal`,
      order: sql`call_session desc, call_at desc, call_ordinal`,
      limit: CALL_LIMIT,
    },
  );
}

/** Unclaimed, or claimed by this very request or a later one. A claim of one that was deleted stays one. */
function openThen({ at, requestId, scope }: StoreQuery): RawBuilder<unknown> {
  return sql`(invocation.claimed_by is null or coalesce((
    select (claimer.started_at, claimer.id) >= (${timestamp(at)}::timestamptz, ${requestId}::uuid)
    from request claimer where claimer.tenant = ${scope.tenant} and claimer.id = invocation.claimed_by), false))`;
}
