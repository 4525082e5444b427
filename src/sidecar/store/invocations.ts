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
 * A call that is recorded already keeps its number; so does one that a failed try of the same turn made and nobody
 * carried out. True when requests are stored that began after one of the others.
 */
export async function recordInvocations(
  db: Store,
  calling: CallingExchange,
  calls: SpawnCall[],
  at: number,
): Promise<boolean> {
  let late = false;
  for (const call of calls) {
    const taken = await takeOver(db, calling, call, at);
    if (taken !== null) {
      late ||= taken.late;
      continue;
    }
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

/**
 * The retried turn calls again what its failed try had called: the call becomes this one's, and keeps its number and the
 * time that number comes from. null: there is none. `late` as for a new call.
 */
async function takeOver(
  db: Store,
  calling: CallingExchange,
  call: SpawnCall,
  at: number,
): Promise<{ late: boolean } | null> {
  const { tenant, requestId } = calling;
  const { rows } = await sql<{ late: boolean }>`
    update invocation set parent_id = ${requestId}::uuid, tool_use_id = ${cleanText(call.toolUseId)}, agent_type = ${cleanTextOrNull(call.agentType)}::text
    where (tenant, conversation_id, ordinal) = (
      select failed.tenant, failed.conversation_id, failed.ordinal
      from request own
      join request try on try.request_link = own.request_link and try.tenant = own.tenant
        and try.conversation_id = own.conversation_id and try.id <> own.id
      join invocation failed on failed.tenant = try.tenant and failed.parent_id = try.id
      where own.tenant = ${tenant} and own.id = ${requestId}::uuid and own.retry_of is not null
        and failed.conversation_id = own.conversation_id and failed.claimed_by is null
        and failed.name = ${cleanText(call.name)} and failed.prompt_hash = ${call.promptHash}::bytea
        and not exists (
          select from answer where answer.tenant = try.tenant and answer.id = try.id and answer.state = 'completed')
        and not exists (
          select from invocation known where known.tenant = ${tenant} and known.parent_id = ${requestId}::uuid
            and known.tool_use_id = ${cleanText(call.toolUseId)})
      order by failed.ordinal limit 1)
    returning (select max(started_at) from request) >= ${timestamp(at)}::timestamptz as late`.execute(db);
  return rows[0] ?? null;
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
