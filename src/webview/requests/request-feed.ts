import type { RequestPage, RequestRow } from '../../protocol/rows.ts';

/** What is loaded of the list: rows newest first, and where it goes on. */
export interface LoadedRows {
  rows: RequestRow[];
  cursor: string | null;
}

/**
 * The first page, loaded again, put over what is there: new rows in front, known ones as they are now, the rest as it
 * was, so that nobody loses their place. Where the page no longer reaches what was known, the list begins anew with it;
 * a page that has all there is replaces everything (what was deleted goes).
 */
export function refreshRows(loaded: LoadedRows, page: RequestPage): LoadedRows {
  const { nextCursor } = page.pagination;
  if (nextCursor === null) return { rows: page.requests, cursor: null };
  const fresh = new Set(page.requests.map(({ requestId }) => requestId));
  const last = page.requests.at(-1);
  const reaches = loaded.rows.some(({ requestId }) => fresh.has(requestId));
  if (!reaches || last === undefined) return { rows: page.requests, cursor: nextCursor };
  const older = loaded.rows.filter((row) => !fresh.has(row.requestId) && isOlder(row, last));
  return { rows: [...page.requests, ...older], cursor: older.length === 0 ? nextCursor : loaded.cursor };
}

/** The next page behind what is there. */
export function appendRows(loaded: LoadedRows, page: RequestPage): LoadedRows {
  const known = new Set(loaded.rows.map(({ requestId }) => requestId));
  const more = page.requests.filter(({ requestId }) => !known.has(requestId));
  return { rows: [...loaded.rows, ...more], cursor: page.pagination.nextCursor };
}

function isOlder(row: RequestRow, than: RequestRow): boolean {
  return row.timestamp === than.timestamp ? row.requestId < than.requestId : row.timestamp < than.timestamp;
}
