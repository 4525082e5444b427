import { sql, type RawBuilder } from 'kysely';
import type { LinkCandidate, LinkCandidates, LinkQuery } from '../core/facts.ts';
import { tenantIs } from './references.ts';
import type { ExchangeTable, Store } from './tables.ts';
import { timestamp } from './values.ts';

/** `past`: for a request that others were recorded after, which do not count (see `findLinkCandidates`). */
export type StoreQuery = LinkQuery & { past: boolean };

/** For what is no part of a conversation: nothing is looked up. */
export const noCandidates: LinkCandidates = {
  named: [],
  prefix: [],
  invocations: [],
  agent: [],
  compactions: [],
  answers: [],
  tool: [],
};

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
  answer_key: Buffer | null;
  conversation_id: string;
  branch_id: string;
  is_subtask: boolean;
  summarises: boolean;
  request_count: number;
  children: LinkCandidate['children'];
};

const columns = (query: StoreQuery): RawBuilder<unknown> => sql`exchange.id, exchange.started_at,
  exchange.conversation_id, exchange.branch_id, exchange.session_id, exchange.agent_id, exchange.project,
  exchange.is_subtask, exchange.parent_task_id, exchange.parent_id, exchange.request_link,
  case when ${endedByThen(query)} then exchange.response_link end as response_link,
  case when ${endedByThen(query)} then exchange.answer_key end as answer_key,
  case when ${endedByThen(query)} then exchange.state else 'running' end as state, exchange.summarises,
  exchange.link_depth, exchange.system_hash, conversation.request_count, children.children`;

/**
 * What is read of a candidate, as the view `exchange` has it: all of that view's columns are a tenth of a look-up's time.
 */
const READ = sql`request.tenant, request.id, request.started_at, request.conversation_id, request.branch_id,
  request.session_id, request.agent_id, request.project, request.is_subtask, request.parent_task_id, request.parent_id,
  request.request_link, request.summarises, request.link_depth, request.streaming, envelope.system_hash,
  request.started_at + answer.duration_ms * interval '1 millisecond' as ended_at,
  coalesce(answer.state, 'running') as state, answer.response_link, answer.answer_key`;

/**
 * Of a row of `exchange`: it had ended when the query's request began. What was answered later is not known then,
 * whenever this is asked: so linking anew finds what linking live did.
 */
export const endedByThen = (query: StoreQuery): RawBuilder<unknown> =>
  sql`((exchange.ended_at <= ${timestamp(query.at)}::timestamptz) is not false)`;

/** The same of a row of `request` as `exchange`, with its `answer`. */
export const answeredByThen = (query: Pick<LinkQuery, 'at'>): RawBuilder<unknown> =>
  sql`((exchange.started_at + answer.duration_ms * interval '1 millisecond'
    <= ${timestamp(query.at)}::timestamptz) is not false)`;

/**
 * The candidates that `found` names: a select of `id`, and anything to order by, from `exchange`, with `earlier()`
 * among its conditions. It is worked out first and apart (materialized), and `offset 0` keeps the planner from turning
 * the look-ups by key inside out: without statistics it takes a tenant for a two-hundredth of the table, and would
 * rather walk through all of it.
 */
export async function candidateRows<Extra = unknown>(
  db: Store,
  query: StoreQuery,
  found: RawBuilder<unknown>,
  rest: {
    /** More to read of a candidate, from `request` and `answer`. */
    read?: RawBuilder<unknown>;
    columns?: RawBuilder<unknown>;
    order: RawBuilder<unknown>;
    limit: number;
  },
): Promise<(CandidateRow & Extra)[]> {
  const { rows } = await sql<CandidateRow & Extra>`
    with found as materialized (${found}),
    best as materialized (select * from found order by ${rest.order} limit ${rest.limit})
    select ${columns(query)}${rest.columns ?? sql``} from best
    cross join lateral (
      select ${READ}${rest.read ?? sql``} from request
      left join envelope on envelope.tenant = request.tenant and envelope.key = request.envelope
      left join answer on answer.tenant = request.tenant and answer.id = request.id
      where request.tenant = ${query.scope.tenant} and request.id = best.id offset 0
    ) exchange
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
        where request.parent_id = best.id and ${tenantIs('request', query.scope.tenant)} and retry_of is null
          and ${childrenThen(query)} offset 0
      ) child
    ) children
    order by ${rest.order}`.execute(db);
  return rows;
}

/** Whoever is recorded live has to leave the branch to those that were quicker, whenever they began. */
const childrenThen = ({ past, at, requestId }: StoreQuery): RawBuilder<unknown> =>
  past ? sql`(started_at, id) < (${timestamp(at)}::timestamptz, ${requestId}::uuid)` : sql`true`;

/** Of the query's tenant, in a conversation, and earlier: at the same time the id decides. */
export function earlier(query: StoreQuery): RawBuilder<unknown> {
  return sql`exchange.tenant = ${query.scope.tenant} and ${earlierThere(query)}`;
}

function earlierThere(query: StoreQuery): RawBuilder<unknown> {
  return sql`exchange.conversation_id is not null
    and (exchange.started_at, exchange.id) < (${timestamp(query.at)}::timestamptz, ${query.requestId}::uuid)`;
}

/**
 * A from clause and conditions for the earlier requests found by what their row or their answer's has in a column with
 * a hash index: the row of `request` as `exchange`.
 */
export function earlierWith(
  query: StoreQuery,
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
    where ${sql.ref(`answer.${column}`)} = ${value} and ${tenantIs('answer', tenant)} and ${earlierThere(query)}
      and ${answeredByThen(query)}`;
}

/** As it was when the query's request arrived: what ended since still ran. */
export function toCandidate(row: CandidateRow): LinkCandidate {
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
    complete: row.state === 'completed',
    running: row.state === 'running',
    answerKey: row.answer_key,
    summarises: row.summarises,
    children: row.children,
    conversationRequestCount: row.request_count,
  };
}
