import { sql } from 'kysely';
import { tenantIs } from './references.ts';
import type { Store } from './tables.ts';

/** Where a message thread stands that the server holds: behind the response with the named id. */
export interface ThreadPoint {
  link: Buffer | null;
  depth: number;
  /** Messages so far, the response included. */
  messageCount: number;
}

export async function findThread(db: Store, tenant: string, messageId: string): Promise<ThreadPoint | null> {
  const { rows } = await sql<{ link: Buffer | null; link_depth: number; message_count: number }>`
    select coalesce(answer.response_link, request.request_link) as link, request.link_depth, request.message_count
    from answer cross join lateral (
      select * from request where request.tenant = ${tenant} and request.id = answer.id offset 0
    ) request
    where answer.message_id = ${messageId} and ${tenantIs('answer', tenant)}
    order by request.started_at desc limit 1`.execute(db);
  const row = rows[0];
  if (row === undefined) return null;
  return {
    link: row.link,
    // The response's own links are not counted apart: one for it keeps deeper ones deeper.
    depth: row.link_depth + 1,
    messageCount: row.message_count + 1,
  };
}
