import { sql, type RawBuilder } from 'kysely';
import type { LinkCandidates, LinkQuery } from '../core/facts.ts';
import { findCalls } from './candidate-calls.ts';
import {
  answeredByThen,
  candidateRows,
  earlier,
  earlierWith,
  toCandidate,
  type CandidateRow,
  type StoreQuery,
} from './candidate-rows.ts';
import { readCompactions } from './compactions.ts';
import type { Store } from './tables.ts';
import { toolNumbers } from './tool-numbers.ts';

const PREFIX_LIMIT = 24;
/** Looked up first: behind the answer it goes on from, a turn has one link most often, and three at most in all captures. */
const NEWEST_LINKS = 4;
const AGENT_LIMIT = 5;
const NAMED_LIMIT = 5;
const ANSWER_LIMIT = 24;

/**
 * The earlier exchanges that may be the parent of a new one. Every look-up is by an index, and none grows with the
 * store: at most 24 rows by the chain, a handful by names, session, agent and unclaimed calls.
 *
 * `past`: for a request that others were recorded after. They do not count: neither as children or claimers of a call,
 * nor among the requests of a conversation.
 */
export async function findLinkCandidates(
  db: Store,
  { past = false, ...asked }: LinkQuery & { past?: boolean },
): Promise<LinkCandidates> {
  const query: StoreQuery = { ...asked, past };
  const named = await findNamed(db, query);
  const prefix = await findPrefix(db, query);
  const agent = await findByAgent(db, query);
  const answers = isSettled(query, prefix) ? [] : await findByAnswer(db, query);
  // The last resort: not asked where the chain has an answer.
  const tool = prefix.some((row) => isOwn(query, row)) ? [] : await findByTool(db, query);
  // A prompt says nothing of a request that has answers in it, unless nothing else does; a fork has its directive.
  const opens = query.links.length === query.ownLinks || query.promptHashes.length > 1 || prefix.length === 0;
  const calls = opens ? await findCalls(db, query) : [];
  const compactions = query.compactions ? await readCompactions(db, query) : [];
  if (past) await countAsThen(db, query, [...named, ...prefix, ...answers]);
  return {
    named: named.map(toCandidate),
    prefix: prefix.map(toCandidate),
    agent: agent.map(toCandidate),
    tool: tool.map(toCandidate),
    answers: answers.map(toCandidate),
    invocations: calls.map(({ parent, ...call }) => ({ ...call, parent: toCandidate(parent) })),
    compactions: compactions.map((row) => ({ ...toCandidate(row), summary: row.summary })),
  };
}

/** How many requests their conversations had then: asked only where that tells twins apart. */
async function countAsThen(db: Store, query: StoreQuery, candidates: CandidateRow[]): Promise<void> {
  const ids = [...new Set(candidates.map((row) => row.conversation_id))];
  if (ids.length < 2) return;
  const { rows } = await sql<{ conversation_id: string; count: number }>`
    select conversation_id, count(*) as count from request exchange
    where ${earlier(query)} and conversation_id = any(${ids}::uuid[]) group by conversation_id`.execute(db);
  const counts = new Map(rows.map((row) => [row.conversation_id, row.count]));
  for (const row of candidates) row.request_count = counts.get(row.conversation_id) ?? 0;
}

async function findNamed(db: Store, query: StoreQuery): Promise<CandidateRow[]> {
  const { previousMessageId, previousUpstreamId } = query;
  if (previousMessageId === null && previousUpstreamId === null) return [];
  const names = [
    ...(previousMessageId === null ? [] : [named(query, 'message_id', previousMessageId)]),
    ...(previousUpstreamId === null ? [] : [named(query, 'upstream_id', previousUpstreamId)]),
  ];
  return candidateRows(db, query, sql.join(names, sql` union `), {
    order: sql`best_at desc`,
    limit: NAMED_LIMIT,
  });
}

const named = (query: StoreQuery, column: 'message_id' | 'upstream_id', name: string): RawBuilder<unknown> =>
  sql`select exchange.id, exchange.started_at as best_at ${earlierWith(query, column, sql`${name}`)}`;

/**
 * By the chain. Links up to `ownLinks` (nothing of the model's in them) are looked up within the session only: a
 * thousand sessions may begin with the same words.
 */
async function findPrefix(db: Store, query: StoreQuery): Promise<CandidateRow[]> {
  const { sessionId } = query.scope;
  const own = query.links.slice(0, query.ownLinks);
  const shared = query.links.slice(query.ownLinks);
  const newest = await findLinks(db, query, shared.slice(-NEWEST_LINKS), []);
  // Whatever else shares only a beginning of the same history: it lies higher up.
  const settled = newest.some((row) => sessionId === null || isOwn(query, row));
  if (settled) return deepest(query, newest);
  return deepest(query, [...newest, ...(await findLinks(db, query, shared.slice(0, -NEWEST_LINKS), own))]);
}

/** Of the same session and line: what goes on from a sub-task's parent is not settled by that parent. */
function isOwn({ scope }: StoreQuery, row: CandidateRow): boolean {
  return row.session_id === scope.sessionId && row.agent_id === scope.agentId;
}

/**
 * One select for each index. A response's link is never among the own ones: there is an answer in it. Among equally
 * deep ones the own session's come first, then the own agent's.
 */
async function findLinks(
  db: Store,
  query: StoreQuery,
  shared: Buffer[],
  own: Buffer[],
): Promise<CandidateRow[]> {
  const { project, sessionId, agentId } = query.scope;
  const sameSession = sql`exchange.session_id is not distinct from ${sessionId}::text`;
  const select = (column: 'request_link' | 'response_link', links: Buffer[], scope: RawBuilder<unknown>) => {
    return sql`select hit.* from unnest((select ${links}::bytea[])) as wanted (link) cross join lateral (
      select exchange.id, exchange.link_depth as best_depth, exchange.started_at as best_at,
        ${sameSession} as best_session, exchange.agent_id is not distinct from ${agentId}::text as best_agent
      ${earlierWith(query, column, sql`wanted.link`)}
        and exchange.project is not distinct from ${project}::text and ${scope} offset 0
    ) hit`;
  };
  const selects = [
    ...(shared.length === 0
      ? []
      : [select('response_link', shared, sql`true`), select('request_link', shared, sql`true`)]),
    ...(own.length === 0 ? [] : [select('request_link', own, sameSession)]),
  ];
  if (selects.length === 0) return [];
  return candidateRows(db, query, sql.join(selects, sql` union `), {
    order: sql`best_depth desc, best_session desc, best_agent desc, best_at desc`,
    limit: PREFIX_LIMIT,
  });
}

/** In order of how many links match: a matching response is one or more deeper than its request. */
function deepest(query: StoreQuery, rows: CandidateRow[]): CandidateRow[] {
  // From the end, where a continuation's parent matches: a map of the 120 links of a long session took 0.05 ms.
  const depth = (link: Buffer | null): number =>
    link === null ? 0 : query.links.findLastIndex((own) => own.equals(link)) + 1;
  return rows
    .map((row) => ({ row, depth: Math.max(depth(row.request_link), depth(row.response_link)) }))
    .sort((a, b) => b.depth - a.depth)
    .slice(0, PREFIX_LIMIT)
    .map(({ row }) => row);
}

/** The newest answer of the history is within a prefix: nothing was cut off, and nothing is missing in between. */
function isSettled({ answers, links, answeredLinks }: LinkQuery, prefix: CandidateRow[]): boolean {
  if (answers.length === 0) return true;
  const whole = links.slice(Math.max(0, answeredLinks - 1));
  const reaches = (link: Buffer | null): boolean => link !== null && whole.some((own) => own.equals(link));
  return prefix.some((row) => reaches(row.response_link) || reaches(row.request_link));
}

/** By what the history ends with, whatever it begins with; the key holds project, session and agent. */
async function findByAnswer(db: Store, query: StoreQuery): Promise<CandidateRow[]> {
  const keys = query.answers.map(({ key }) => key);
  const found = sql`select hit.* from unnest((select ${keys}::bytea[])) as wanted (key) cross join lateral (
    select exchange.id, exchange.started_at as best_at ${earlierWith(query, 'answer_key', sql`wanted.key`)} offset 0
  ) hit`;
  return candidateRows(db, query, found, { order: sql`best_at desc`, limit: ANSWER_LIMIT });
}

async function findByAgent(db: Store, query: StoreQuery): Promise<CandidateRow[]> {
  const { sessionId, agentId } = query.scope;
  if (sessionId === null || agentId === null) return [];
  return inSession(db, query, sql`exchange.agent_id = ${agentId}`, AGENT_LIMIT);
}

async function findByTool(db: Store, query: StoreQuery): Promise<CandidateRow[]> {
  const { sessionId, agentId } = query.scope;
  if (sessionId === null || query.lastToolIds.length === 0) return [];
  const numbers = toolNumbers(query.lastToolIds);
  const agent = agentId === null ? sql`exchange.agent_id is null` : sql`exchange.agent_id = ${agentId}`;
  return inSession(
    db,
    query,
    sql`${agent} and (exchange.tool_ids && ${numbers}::integer[] or (
      select answer.tool_ids && ${numbers}::integer[] and ${answeredByThen(query)}
      from answer where answer.tenant = exchange.tenant and answer.id = exchange.id))`,
    1,
  );
}

/** Of the session, newest first. */
function inSession(
  db: Store,
  query: StoreQuery,
  condition: RawBuilder<unknown>,
  limit: number,
): Promise<CandidateRow[]> {
  return candidateRows(
    db,
    query,
    sql`select exchange.id, exchange.started_at as best_at from request exchange
      where ${earlier(query)} and exchange.session_id = ${query.scope.sessionId} and ${condition}`,
    { order: sql`best_at desc`, limit },
  );
}
