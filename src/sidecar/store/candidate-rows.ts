import { sql, type RawBuilder } from 'kysely';
import type { LinkCandidate, LinkQuery } from '../core/facts.ts';
import { tenantIs } from './references.ts';
import type { ExchangeTable, Store } from './tables.ts';
import { timestamp } from './values.ts';

export type CandidateRow = Pick<
  ExchangeTable,
  | 'id'
  | 'session_id'
  | 'agent_id'
  | 'project'
  | 'parent_task_id'
  | 'parent_id'
  | 'request_link'
  | 'response_link'
  | 'state'
  | 'link_depth'
  | 'system_hash'
> & {
  started_at: number;
  ended_at: number | null;
  answer_key: Buffer | null;
  conversation_id: string;
  branch_id: string;
  is_subtask: boolean;
  summarises: boolean;
  request_count: number;
  children: LinkCandidate['children'];
};

const COLUMNS = sql`exchange.id, exchange.started_at, exchange.conversation_id, exchange.branch_id, exchange.session_id,
  exchange.agent_id, exchange.project, exchange.is_subtask, exchange.parent_task_id, exchange.parent_id,
  exchange.request_link, exchange.response_link, exchange.state, exchange.summarises, exchange.link_depth,
  exchange.system_hash, exchange.ended_at, answered.answer_key, conversation.request_count, children.children`;

/**
 * The candidates that `found` names: a select of `id`, and anything to order by, from `exchange`, with `earlier()`
 * among its conditions. It is worked out first and apart (materialized), and `offset 0` keeps the planner from turning
 * the look-ups by key inside out: without statistics it takes a tenant for a two-hundredth of the table, and would
 * rather walk through all of it.
 */
export async function candidateRows<Extra = unknown>(
  db: Store,
  query: LinkQuery,
  found: RawBuilder<unknown>,
  rest: { columns?: RawBuilder<unknown>; order: RawBuilder<unknown>; limit: number },
): Promise<(CandidateRow & Extra)[]> {
  const { rows } = await sql<CandidateRow & Extra>`
    with found as materialized (${found}),
    best as materialized (select * from found order by ${rest.order} limit ${rest.limit})
    select ${COLUMNS}${rest.columns ?? sql``} from best
    cross join lateral (
      select * from exchange where exchange.tenant = ${query.scope.tenant} and exchange.id = best.id offset 0
    ) exchange
    left join lateral (
      select answer_key from answer where answer.tenant = ${query.scope.tenant} and answer.id = best.id offset 0
    ) answered on true
    cross join lateral (
      select request_count from conversation
      where conversation.tenant = exchange.tenant and conversation.id = exchange.conversation_id
        and conversation.deleted_at is null offset 0
    ) conversation
    cross join lateral (
      select coalesce(json_agg(json_build_object('requestId', child.id, 'branchId', child.branch_id,
        'summarises', child.summarises) order by child.started_at, child.id), '[]') as children
      from (
        select id, branch_id, summarises, started_at from request
        where request.parent_id = best.id and ${tenantIs('request', query.scope.tenant)} and retry_of is null offset 0
      ) child
    ) children
    order by ${rest.order}`.execute(db);
  return rows;
}

/** Of the query's tenant, in a conversation, and earlier: at the same time the id decides. */
export function earlier(query: LinkQuery): RawBuilder<unknown> {
  return sql`exchange.tenant = ${query.scope.tenant} and ${earlierThere(query)}`;
}

function earlierThere(query: LinkQuery): RawBuilder<unknown> {
  return sql`exchange.conversation_id is not null
    and (exchange.started_at, exchange.id) < (${timestamp(query.at)}::timestamptz, ${query.requestId}::uuid)`;
}

/**
 * A from clause and conditions for the earlier requests found by what their row or their answer's has in a column with
 * a hash index: the row of `request` as `exchange`.
 */
export function earlierWith(
  query: LinkQuery,
  column: 'request_link' | 'response_link' | 'message_id' | 'upstream_id' | 'answer_key',
  value: RawBuilder<unknown>,
): RawBuilder<unknown> {
  const { tenant } = query.scope;
  if (column === 'request_link') {
    return sql`from request exchange where exchange.request_link = ${value} and ${tenantIs('exchange', tenant)}
      and ${earlierThere(query)}`;
  }
  return sql`from answer cross join lateral (
      select * from request where request.tenant = ${tenant} and request.id = answer.id offset 0
    ) exchange
    where ${sql.ref(`answer.${column}`)} = ${value} and ${tenantIs('answer', tenant)} and ${earlierThere(query)}`;
}

/** As it was when the query's request arrived: what ended since still ran. */
export function toCandidate(row: CandidateRow, at: number): LinkCandidate {
  const ended = row.ended_at !== null && row.ended_at <= at;
  return {
    requestId: row.id,
    at: row.started_at,
    conversationId: row.conversation_id,
    branchId: row.branch_id,
    sessionId: row.session_id,
    agentId: row.agent_id,
    project: row.project,
    isSubtask: row.is_subtask,
    parentTaskRequestId: row.parent_task_id,
    parentRequestId: row.parent_id,
    requestLink: row.request_link ?? Buffer.alloc(0),
    responseLink: row.response_link,
    systemHash: row.system_hash,
    complete: ended && row.state === 'completed',
    running: !ended,
    answerKey: row.answer_key,
    summarises: row.summarises,
    children: row.children,
    conversationRequestCount: row.request_count,
  };
}
