import { sql } from 'kysely';
import type { RequestQuery } from '../../protocol/queries.ts';
import type { RequestPage } from '../../protocol/rows.ts';
import type { ReadableStore } from './columns.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { inState, notDeleted, REQUEST_COLUMNS, toRequestRow } from './rows.ts';
import { selectNewest } from './summaries.ts';
import { timestamp } from './values.ts';

/** One page of exchanges of every type, newest first. `cursor` is the position behind the previous page. */
export async function listRequests(store: ReadableStore, query: RequestQuery): Promise<RequestPage> {
  let select = store.db.selectFrom('exchange').select(REQUEST_COLUMNS).where(notDeleted);
  if (query.project !== undefined) select = select.where('project', '=', query.project);
  if (query.domain !== undefined) select = select.where('domain', '=', query.domain);
  if (query.accountId !== undefined) select = select.where('account_id', '=', query.accountId);
  if (query.conversationId !== undefined) select = select.where('conversation_id', '=', query.conversationId);
  if (query.branchId !== undefined) select = select.where('branch_id', '=', query.branchId);
  if (query.model !== undefined) select = select.where('model', '=', query.model);
  if (query.type !== undefined) select = select.where('type', '=', query.type);
  if (query.state !== undefined) select = select.where(inState('exchange', query.state));
  if (query.status === 'success') select = select.where(inState('exchange', 'completed'));
  else if (query.status === 'error') select = select.where(inState('exchange', 'failed'));
  else if (query.status !== undefined) {
    select = select.where('response_status', '=', query.status);
    // Says the same, and leads to an index.
    if (query.status !== 200) select = select.where(sql<boolean>`response_status <> 200`);
  }
  if (query.dateFrom !== undefined) {
    select = select.where(sql<boolean>`started_at >= ${query.dateFrom}::timestamptz`);
  }
  if (query.dateTo !== undefined) {
    select = select.where(sql<boolean>`started_at < ${query.dateTo}::timestamptz`);
  }
  if (query.cursor !== undefined) {
    const { at, id } = decodeCursor(query.cursor);
    select = select.where(sql<boolean>`(started_at, id) < (${timestamp(at)}::timestamptz, ${id}::uuid)`);
  }
  const newest = select
    .orderBy('started_at', 'desc')
    .orderBy('id', 'desc')
    .limit(query.limit + 1);
  const rows = await selectNewest(store, sql`${newest}`);
  const page = rows.slice(0, query.limit);
  const last = rows.length > query.limit ? page.at(-1) : undefined;
  return {
    requests: page.map(toRequestRow),
    pagination: {
      limit: query.limit,
      nextCursor: last === undefined ? null : encodeCursor({ at: last.started_at, id: last.id }),
    },
  };
}
