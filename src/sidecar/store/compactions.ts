import { sql } from 'kysely';
import { createAssembler } from '../core/assemble.ts';
import { candidateRows, earlier, type CandidateRow, type StoreQuery } from './candidate-rows.ts';
import { readResponse, readResponseHeaders, type StoredResponse } from './responses.ts';
import type { Store } from './tables.ts';
import { timestamp } from './values.ts';

const SUMMARY_LIMIT = 10;

/**
 * The summarising requests of the scope with the summaries they were answered with: the session's first (compaction
 * keeps the session), then the project's (1.0.58 resumes under a new session id). Newest first, at most 10.
 */
export async function readCompactions(
  db: Store,
  query: StoreQuery,
): Promise<(CandidateRow & { summary: string })[]> {
  const { tenant, project, sessionId } = query.scope;
  const rows = await candidateRows<StoredResponse & Parameters<typeof readResponseHeaders>[2]>(
    db,
    query,
    sql`select exchange.id, exchange.started_at as best_at,
        exchange.session_id is not distinct from ${sessionId}::text as best_session
      from exchange where ${earlier(query)} and exchange.summarises
        and exchange.ended_at <= ${timestamp(query.at)}::timestamptz
        and (exchange.session_id = ${sessionId}::text or exchange.project is not distinct from ${project}::text)`,
    {
      read: sql`, answer.response_headers, answer.response_header_values, answer.response_shape, answer.response_tip,
        answer.response_packed, answer.response_body, answer.response_cuts, request.messages_tip, answer.upstream_id`,
      columns: sql`, exchange.response_headers, exchange.response_header_values, exchange.response_shape,
        exchange.response_tip, exchange.response_packed, exchange.response_body, exchange.response_cuts,
        exchange.messages_tip, exchange.upstream_id`,
      order: sql`best_session desc, best_at desc`,
      limit: SUMMARY_LIMIT,
    },
  );
  const found: (CandidateRow & { summary: string })[] = [];
  for (const row of rows) {
    const response = await readResponse(db, tenant, row);
    if (response === null) continue;
    const assembler = createAssembler(contentType(await readResponseHeaders(db, tenant, row)));
    assembler.push(response.bytes, 0);
    found.push({ ...row, summary: assembler.end().text });
  }
  return found;
}

export function contentType(headers: [string, string][]): string | null {
  return headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? null;
}
