import { sql } from 'kysely';
import type { Store } from './tables.ts';

export interface Settled {
  /** Conversations that have no requests any more, and are gone. */
  gone: string[];
  /** Requests that called sub-agents whose numbers have changed. */
  renumbered: string[];
}

/**
 * Makes conversations agree with their requests, after some were linked anew: totals, branches, numbers of sub-tasks.
 * One that is left without requests goes; `movedTo`, where they went, inherits its pin. Writes only what differs.
 */
export async function settleConversations(
  db: Store,
  tenant: string,
  conversations: string[],
  movedTo: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<Settled> {
  if (conversations.length === 0) return { gone: [], renumbered: [] };
  const renumbered = await renumberCalls(db, tenant, conversations);
  await recount(db, tenant, conversations);
  await settleBranches(db, tenant, conversations);
  const { rows } = await sql<{ id: string; pinned: boolean }>`
    delete from conversation where tenant = ${tenant} and id = any(${conversations}::uuid[]) and deleted_at is null
      and not exists (select from request where request.tenant = ${tenant} and request.conversation_id = conversation.id)
    returning id, pinned`.execute(db);
  for (const { id, pinned } of rows) {
    const heirs = [...(movedTo.get(id) ?? [])];
    if (!pinned || heirs.length === 0) continue;
    await sql`update conversation set pinned = true
      where tenant = ${tenant} and id = any(${heirs}::uuid[]) and not pinned`.execute(db);
  }
  return { gone: rows.map((row) => row.id), renumbered };
}

/** Of what its requests say. `last_at` to the millisecond: an answer's duration is kept with less than a microsecond. */
async function recount(db: Store, tenant: string, conversations: string[]): Promise<void> {
  await sql`
    with member as materialized (
      select request.conversation_id, request.id, request.started_at, request.project, request.domain,
        request.account_id, request.message_count, coalesce(request.model, answer.model) as model, answer.state,
        request.started_at + coalesce(answer.duration_ms, 0) * interval '1 millisecond' as ended_at,
        coalesce(answer.input_tokens, 0)::bigint as input, coalesce(answer.output_tokens, 0)::bigint as output,
        coalesce(answer.cache_read_tokens, 0)::bigint + coalesce(answer.cache_creation_tokens, 0) as cached
      from request left join answer on answer.tenant = request.tenant and answer.id = request.id
      where request.tenant = ${tenant} and request.conversation_id = any(${conversations}::uuid[])
    ), total as (
      select conversation_id as id,
        (array_agg(project order by started_at, id))[1] as project,
        (array_agg(domain order by started_at, id))[1] as domain,
        (array_agg(account_id order by started_at, id) filter (where account_id is not null))[1] as account_id,
        min(started_at) as started_at, max(ended_at) as last_at, max(started_at) as latest_started_at,
        (array_agg(id order by started_at desc, id desc))[1] as latest_id, count(*)::integer as request_count,
        max(message_count) as message_count, sum(input + output)::bigint as total_tokens,
        sum(input + cached)::bigint as context_tokens, (count(*) filter (where state = 'failed'))::integer as error_count
      from member group by conversation_id
    ), used as (
      select id, array_agg(model order by first_at, model) as models from (
        select conversation_id as id, model, min(started_at) as first_at from member
        where model is not null group by conversation_id, model
      ) each group by id
    ), fresh as (
      select total.*, coalesce(used.models, '{}') as models from total left join used on used.id = total.id
    )
    update conversation set project = fresh.project, domain = fresh.domain, account_id = fresh.account_id,
      started_at = fresh.started_at, last_at = fresh.last_at, latest_started_at = fresh.latest_started_at,
      latest_id = fresh.latest_id, request_count = fresh.request_count, message_count = fresh.message_count,
      total_tokens = fresh.total_tokens, context_tokens = fresh.context_tokens, error_count = fresh.error_count,
      models = fresh.models
    from fresh where conversation.tenant = ${tenant} and conversation.id = fresh.id and (
      (conversation.project, conversation.domain, conversation.account_id, conversation.started_at,
        conversation.latest_started_at, conversation.latest_id, conversation.request_count, conversation.message_count,
        conversation.total_tokens, conversation.context_tokens, conversation.error_count)
      is distinct from
      (fresh.project, fresh.domain, fresh.account_id, fresh.started_at, fresh.latest_started_at, fresh.latest_id,
        fresh.request_count, fresh.message_count, fresh.total_tokens, fresh.context_tokens, fresh.error_count)
      or abs(extract(epoch from conversation.last_at - fresh.last_at)) > 0.001
      or not (conversation.models @> fresh.models and conversation.models <@ fresh.models))`.execute(db);
}

/** A branch is what its first request opened. */
async function settleBranches(db: Store, tenant: string, conversations: string[]): Promise<void> {
  await sql`
    with first as materialized (
      select distinct on (conversation_id, branch_id) conversation_id, branch_id, id, parent_id, started_at
      from request where tenant = ${tenant} and conversation_id = any(${conversations}::uuid[])
      order by conversation_id, branch_id, started_at, id
    ), gone as (
      delete from branch where tenant = ${tenant} and conversation_id = any(${conversations}::uuid[])
        and (conversation_id, branch_id) not in (select conversation_id, branch_id from first)
    )
    insert into branch (tenant, conversation_id, branch_id, kind, parent_id, first_id, created_at)
    select ${tenant}, conversation_id, branch_id,
      case when branch_id = 'main' then 'main' when branch_id like 'subtask\\_%' then 'subtask'
        when branch_id like 'compact\\_%' then 'compact' else 'branch' end,
      parent_id, id, started_at
    from first
    on conflict (tenant, conversation_id, branch_id) do update
      set kind = excluded.kind, parent_id = excluded.parent_id, first_id = excluded.first_id,
        created_at = excluded.created_at
      where (branch.kind, branch.parent_id, branch.first_id, branch.created_at)
        is distinct from (excluded.kind, excluded.parent_id, excluded.first_id, excluded.created_at)`.execute(
    db,
  );
}

/**
 * Numbers the calls of sub-agents in the order in which they were made. In two steps, since no two calls of a
 * conversation may have the same number at any time.
 */
async function renumberCalls(db: Store, tenant: string, conversations: string[]): Promise<string[]> {
  const { rows } = await sql<{ parent_id: string; conversation_id: string }>`
    with numbered as (
      select parent_id, tool_use_id, ordinal, branch_id, row_number() over (
        partition by conversation_id order by called_at, abs(ordinal), parent_id, tool_use_id) as number
      from invocation where tenant = ${tenant} and conversation_id = any(${conversations}::uuid[])
    )
    update invocation set ordinal = -number from numbered
    where invocation.tenant = ${tenant} and invocation.parent_id = numbered.parent_id
      and invocation.tool_use_id = numbered.tool_use_id
      and (numbered.ordinal <> numbered.number or numbered.branch_id <> 'subtask_' || numbered.number)
    returning invocation.parent_id, invocation.conversation_id`.execute(db);
  if (rows.length === 0) return [];
  await sql`
    update invocation set ordinal = -ordinal, branch_id = 'subtask_' || -ordinal
    where tenant = ${tenant} and conversation_id = any(${conversations}::uuid[]) and ordinal < 0`.execute(db);
  return [...new Set(rows.map((row) => row.parent_id))];
}

/**
 * Takes an exchange's calls of sub-agents to another conversation, behind those that are there: `settleConversations`
 * numbers them. Those of an exchange that is in none any more go.
 */
export async function moveCalls(
  db: Store,
  tenant: string,
  parentId: string,
  to: string | null,
): Promise<void> {
  if (to === null) {
    await sql`delete from invocation where tenant = ${tenant} and parent_id = ${parentId}::uuid`.execute(db);
    return;
  }
  await sql`
    with moved as (
      select tool_use_id, row_number() over (order by called_at, ordinal) as number from invocation
      where tenant = ${tenant} and parent_id = ${parentId}::uuid
    ), last as (
      select coalesce(max(ordinal), 0) as ordinal from invocation
      where tenant = ${tenant} and conversation_id = ${to}::uuid
    )
    update invocation set conversation_id = ${to}::uuid, ordinal = last.ordinal + moved.number
    from moved, last where invocation.tenant = ${tenant} and invocation.parent_id = ${parentId}::uuid
      and invocation.tool_use_id = moved.tool_use_id and invocation.conversation_id <> ${to}::uuid`.execute(
    db,
  );
}
