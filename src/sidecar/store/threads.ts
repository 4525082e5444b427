import { sql } from 'kysely';
import { tenantIs } from './references.ts';
import type { Store } from './tables.ts';
import { timestamp } from './values.ts';

/** Where a message thread stands that the server holds: behind the response with the named id. */
export interface ThreadPoint {
  link: Buffer | null;
  depth: number;
  /** Messages so far, the response included. */
  messageCount: number;
  /** The exchange with that response, and the version of its hashes. */
  id: string;
  version: number;
}

/** `before`: the request that goes on with it; what was answered after its time is not known to it. */
export async function findThread(
  db: Store,
  tenant: string,
  messageId: string,
  before: { id: string; at: number },
): Promise<ThreadPoint | null> {
  const at = timestamp(before.at);
  type Row = {
    id: string;
    link: Buffer | null;
    link_depth: number;
    link_version: number;
    message_count: number;
  };
  const { rows } = await sql<Row>`
    select request.id, request.link_version, coalesce(answer.response_link, request.request_link) as link, request.link_depth, request.message_count
    from answer cross join lateral (
      select * from request where request.tenant = ${tenant} and request.id = answer.id offset 0
    ) request
    where answer.message_id = ${messageId} and ${tenantIs('answer', tenant)}
      and (request.started_at, request.id) < (${at}::timestamptz, ${before.id}::uuid)
      and (request.started_at + answer.duration_ms * interval '1 millisecond' <= ${at}::timestamptz) is not false
    order by request.started_at desc limit 1`.execute(db);
  const row = rows[0];
  if (row === undefined) return null;
  return {
    link: row.link,
    // The response's own links are not counted apart: one for it keeps deeper ones deeper.
    depth: row.link_depth + 1,
    messageCount: row.message_count + 1,
    id: row.id,
    version: row.link_version,
  };
}
