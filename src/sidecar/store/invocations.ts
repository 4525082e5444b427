import { sql } from 'kysely';
import type { SpawnCall } from '../core/facts.ts';
import type { Store } from './tables.ts';
import { cleanText, cleanTextOrNull, timestamp } from './values.ts';

/** The exchange whose response holds the call. */
export interface CallingExchange {
  tenant: string;
  requestId: string;
  sessionId: string | null;
  project: string | null;
}

/**
 * Records Task/Agent calls in their order and gives each its branch: `subtask_1`, `subtask_2` … of the conversation.
 * A call that is recorded already keeps its number. True when requests are stored that began after one of the others.
 */
export async function recordInvocations(
  db: Store,
  calling: CallingExchange,
  calls: SpawnCall[],
  at: number,
): Promise<boolean> {
  let late = false;
  for (const call of calls) {
    const { rows } = await sql<{ late: boolean }>`
      insert into invocation (tenant, parent_id, tool_use_id, conversation_id, ordinal, branch_id, name, prompt,
        prompt_hash, agent_type, session_id, project, called_at)
      select ${calling.tenant}, ${calling.requestId}::uuid, ${cleanText(call.toolUseId)},
        own.conversation_id, next.ordinal, 'subtask_' || next.ordinal, ${cleanText(call.name)},
        ${cleanText(call.prompt)}, ${call.promptHash}::bytea, ${cleanTextOrNull(call.agentType)}::text,
        ${calling.sessionId}::text, ${calling.project}::text, ${timestamp(at)}::timestamptz
      from (
        select conversation_id from request where tenant = ${calling.tenant} and id = ${calling.requestId}::uuid
          and conversation_id is not null
      ) as own cross join lateral (
        select coalesce(max(ordinal), 0) + 1 as ordinal from invocation
        where tenant = ${calling.tenant} and conversation_id = own.conversation_id
      ) as next
      on conflict (tenant, parent_id, tool_use_id) do nothing
      returning (select max(started_at) from request) >= called_at as late`.execute(db);
    late ||= rows[0]?.late === true;
  }
  return late;
}

/** The first exchange of a sub-task claims the call that started it. */
export async function claimInvocation(
  db: Store,
  claim: { tenant: string; parentId: string; toolUseId: string; requestId: string },
): Promise<void> {
  await db
    .updateTable('invocation')
    .set({ claimed_by: claim.requestId })
    .where('tenant', '=', claim.tenant)
    .where('parent_id', '=', claim.parentId)
    .where('tool_use_id', '=', claim.toolUseId)
    .where('claimed_by', 'is', null)
    .execute();
}
