import type { Store } from './tables.ts';

/** Where a message thread stands that the server holds: behind the response with the named id. */
export interface ThreadPoint {
  link: Buffer | null;
  depth: number;
  /** Messages so far, the response included. */
  messageCount: number;
}

export async function findThread(db: Store, tenant: string, messageId: string): Promise<ThreadPoint | null> {
  const row = await db
    .selectFrom('exchange')
    .select(['response_link', 'request_link', 'link_depth', 'message_count'])
    .where('tenant', '=', tenant)
    .where('message_id', '=', messageId)
    .orderBy('started_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) return null;
  return {
    link: row.response_link ?? row.request_link,
    // The response's own links are not counted apart: one for it keeps deeper ones deeper.
    depth: row.link_depth + 1,
    messageCount: row.message_count + 1,
  };
}
