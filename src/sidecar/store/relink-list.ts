import { sql, type RawBuilder } from 'kysely';
import { tenantIs } from './references.ts';
import type { Store } from './tables.ts';
import { timestamp } from './values.ts';

export interface ExchangeKey {
  tenant: string;
  id: string;
}

/**
 * Puts what may have to be linked anew on the list, after something of `of` was stored that happened at `at` (ms since
 * the epoch), while requests that began later were stored already. Those are, each found by an index:
 *
 * - of the same session, and those that hold its messages (with an answer in them) whatever their session, unless they
 *   go on from a later request that shares more than `of` has: nothing says more than that;
 * - the beginnings of conversations in the same project, and what goes on from a summary or is known by its last answer
 *   alone;
 * - what hangs from it or from its parent: it may belong between them;
 * - the same request: another try; and whoever asks what others have asked who were called with the same prompt: of
 *   several calls, they may be of this one;
 * - and itself, since it was linked among later ones.
 *
 * What changes with one of them is put on the list when it is linked anew.
 */
export async function relinkAfter(db: Store, of: ExchangeKey, at: number): Promise<void> {
  const { tenant } = of;
  const since = sql`later.started_at >= ${timestamp(at)}::timestamptz and later.id <> ${of.id}::uuid
    and later.conversation_id is not null`;
  // One look-up after the other: without statistics the planner would rather walk through all requests.
  const each = (source: RawBuilder<unknown>, condition: RawBuilder<unknown>): RawBuilder<unknown> =>
    sql`select later.started_at, later.id from own ${source} cross join lateral (
      select later.started_at, later.id from request later where ${condition} and ${since} offset 0
    ) later`;
  const settled = sql`(later.link_signal = 'thread' or (
    later.link_signal = 'response-prefix' and later.link_matched > own.deepest and (
      select parent.started_at from request parent where parent.tenant = ${tenant} and parent.id = later.parent_id
    ) >= ${timestamp(at)}::timestamptz))`;
  // As the index has it.
  const opens = sql`link_signal in ('root', 'compaction', 'last-answer')`;
  await sql`
    with recursive own as materialized (
      select request.*, answer.response_tip, request.link_depth + coalesce((
          select tip.depth from node tip where tip.tenant = ${tenant} and tip.key = answer.response_tip
        ) - coalesce((
          select tip.depth from node tip where tip.tenant = ${tenant} and tip.key = request.messages_tip
        ), 0), 0) as deepest
      from request left join answer on answer.tenant = request.tenant and answer.id = request.id
      where request.tenant = ${tenant} and request.id = ${of.id}::uuid and request.conversation_id is not null
    ), below (key) as (
      -- Thousands of conversations may begin with the same words; their answers tell them apart.
      select case when message_count > 2 then messages_tip else response_tip end from own
      union all
      select node.key from below cross join lateral (
        select key from node where node.parent = below.key and ${tenantIs('node', tenant)} offset 0
      ) node
    ), holding as materialized (
      select later.id from (select key from below limit ${MOST_BELOW}::bigint) below cross join lateral (
        select id from request where request.messages_tip = below.key and ${tenantIs('request', tenant)} offset 0
      ) later
    ), asked as materialized (
      select claimer.request_link from own
      join invocation call on call.tenant = ${tenant} and call.parent_id = own.id
      cross join lateral (
        select claimed_by from invocation same where same.prompt_hash = call.prompt_hash
          and ${tenantIs('same', tenant)} and same.claimed_by is not null offset 0
      ) same
      cross join lateral (
        select request_link from request where request.tenant = ${tenant} and request.id = same.claimed_by offset 0
      ) claimer
    ), found as (
      select own.started_at, own.id from own
      union ${each(sql``, sql`later.tenant = ${tenant} and later.session_id = own.session_id and ${settled} is not true`)}
      union ${each(sql`cross join holding`, sql`later.tenant = ${tenant} and later.id = holding.id and ${settled} is not true`)}
      union ${each(sql``, sql`later.tenant = ${tenant} and later.project = own.project and later.${opens}`)}
      union ${each(
        sql``,
        sql`later.tenant = ${tenant} and own.project is null and later.project is null
        and later.${opens}`,
      )}
      union ${each(sql``, sql`later.parent_id = own.id and ${tenantIs('later', tenant)}`)}
      union ${each(sql``, sql`later.parent_id = own.parent_id and ${tenantIs('later', tenant)}`)}
      union ${each(sql``, sql`later.request_link = own.request_link and ${tenantIs('later', tenant)}`)}
      union ${each(sql`cross join asked`, sql`later.request_link = asked.request_link and ${tenantIs('later', tenant)}`)}
    )
    ${into(tenant)}`.execute(db);
}

/** Nodes below the messages of one request: more than the longest sessions have. */
const MOST_BELOW = 20_000;

/** What an exchange was linked to, before and after it was linked anew. */
export interface Moved extends ExchangeKey {
  at: number;
  parents: (string | null)[];
  links: (Buffer | null)[];
  /** Branches it was the first of, or is now: the names of others of that second follow from it. */
  branches: { conversationId: string | null; branchId: string | null }[];
  /** Set when it claimed or released a call: whoever of its session is a sub-agent may claim it instead. */
  claimedIn: { sessionId: string | null; project: string | null } | null;
}

/**
 * Puts on the list what depends on an exchange that is linked elsewhere now: what hangs from it, from its old parent
 * or from its new one (who goes on with the branch is decided anew), other tries of the same request, branches with the
 * same name but for a number.
 */
export async function relinkAround(db: Store, moved: Moved): Promise<void> {
  const { tenant, id, at, parents, links, branches, claimedIn } = moved;
  const later = sql`(later.started_at, later.id) > (${timestamp(at)}::timestamptz, ${id}::uuid)
    and later.conversation_id is not null`;
  const each = (column: string, type: string, values: unknown[]): RawBuilder<unknown> => sql`
    select later.started_at, later.id from unnest((select ${values}::${sql.raw(type)}[])) as wanted (value)
    cross join lateral (
      select later.started_at, later.id from request later
      where ${sql.ref(`later.${column}`)} = wanted.value and ${tenantIs('later', tenant)} and ${later} offset 0
    ) later`;
  const known = <T>(values: (T | null)[]): T[] => values.filter((value) => value !== null);
  await sql`
    with found as (
      ${each('parent_id', 'uuid', known([id, ...parents]))}
      union ${each('request_link', 'bytea', known(links))}
    )
    ${into(tenant)}`.execute(db);
  for (const { conversationId, branchId } of branches) {
    const base = branchId === null ? null : (/^(?:branch|compact|subtask)_\d+/.exec(branchId)?.[0] ?? null);
    if (conversationId === null || base === null) continue;
    await sql`
      with found as (
        select later.started_at, later.id from request later
        where later.tenant = ${tenant} and later.conversation_id = ${conversationId}::uuid and ${later}
          and starts_with(later.branch_id, ${base})
      )
      ${into(tenant)}`.execute(db);
  }
  if (claimedIn === null) return;
  const { sessionId, project } = claimedIn;
  const scope =
    sessionId === null
      ? sql`later.session_id is null and later.project is not distinct from ${project}::text
          and later.link_signal = 'root'`
      : sql`later.session_id = ${sessionId} and later.link_signal in ('root', 'spawn-prompt', 'spawn-agent')`;
  await sql`
    with found as (
      select later.started_at, later.id from request later where later.tenant = ${tenant} and ${scope} and ${later}
    )
    ${into(tenant)}`.execute(db);
}

/**
 * Puts on the list who may count the requests of these conversations: what hangs from one of two equal histories in
 * different conversations, and began after `at`, when these have become larger or smaller.
 */
export async function relinkTwins(
  db: Store,
  tenant: string,
  conversations: string[],
  at: number,
): Promise<void> {
  const children = (parent: string): RawBuilder<unknown> => sql`
    select later.started_at, later.id from twins cross join lateral (
      select later.started_at, later.id from request later
      where later.parent_id = ${sql.ref(`twins.${parent}`)} and ${tenantIs('later', tenant)}
        and later.started_at >= ${timestamp(at)}::timestamptz offset 0
    ) later`;
  await sql`
    with member as materialized (
      select request.id, request.conversation_id, request.request_link, answer.response_link
      from request left join answer on answer.tenant = request.tenant and answer.id = request.id
      where request.tenant = ${tenant} and request.conversation_id = any(${conversations}::uuid[])
    ), twins as materialized (
      select member.id, other.id as other_id from member cross join lateral (
        select request.id from answer join request on request.tenant = answer.tenant and request.id = answer.id
        where answer.response_link = member.response_link and ${tenantIs('answer', tenant)}
          and request.conversation_id <> member.conversation_id
        union all
        select request.id from request where request.request_link = member.request_link
          and ${tenantIs('request', tenant)} and request.conversation_id <> member.conversation_id
      ) other
    ), found as (${children('id')} union ${children('other_id')})
    ${into(tenant)}`.execute(db);
}

/** Puts the first exchanges of these sub-tasks on the list: their calls have other numbers now. */
export async function relinkSubtasks(db: Store, tenant: string, parents: string[]): Promise<void> {
  if (parents.length === 0) return;
  await sql`
    with found as (
      select later.started_at, later.id from request later
      where later.parent_id = any(${parents}::uuid[]) and ${tenantIs('later', tenant)}
        and later.parent_task_id = later.parent_id
    )
    ${into(tenant)}`.execute(db);
}

/** Puts these exchanges on the list. */
export async function relinkThese(db: Store, tenant: string, ids: string[]): Promise<void> {
  if (ids.length === 0) return;
  await sql`
    with found as (select started_at, id from request where tenant = ${tenant} and id = any(${ids}::uuid[]))
    ${into(tenant)}`.execute(db);
}

/** Takes the oldest exchange off the list; null when there is none. */
export async function takeNext(db: Store, tenant: string): Promise<string | null> {
  const { rows } = await sql<{ id: string }>`
    delete from relink where tenant = ${tenant} and (started_at, id) = (
      select started_at, id from relink where tenant = ${tenant} order by started_at, id limit 1)
    returning id`.execute(db);
  return rows[0]?.id ?? null;
}

export async function tenantsToRelink(db: Store): Promise<string[]> {
  const { rows } = await sql<{ tenant: string }>`select distinct tenant from relink`.execute(db);
  return rows.map((row) => row.tenant);
}

const into = (tenant: string): RawBuilder<unknown> => sql`
  insert into relink (tenant, started_at, id) select ${tenant}, found.started_at, found.id from found
  on conflict do nothing`;
