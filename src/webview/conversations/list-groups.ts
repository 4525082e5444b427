import type { ConversationRow } from '../../protocol/rows.ts';
import { formatDay } from '../../wording/times.ts';

export interface DayGroup {
  day: string;
  rows: ConversationRow[];
}

/** Groups rows by the day of their last message; rows come newest first and stay so. */
export function groupByDay(rows: readonly ConversationRow[], now: number): DayGroup[] {
  const groups: DayGroup[] = [];
  for (const row of rows) {
    const day = formatDay(Date.parse(row.lastMessageTime), now);
    const last = groups.at(-1);
    if (last?.day === day) last.rows.push(row);
    else groups.push({ day, rows: [row] });
  }
  return groups;
}

/**
 * Puts a fresh first page before what further pages brought: new and changed rows move up, none is shown twice.
 * Rows the first page should hold but does not (deleted meanwhile) go.
 */
export function mergeFirstPage(
  known: readonly ConversationRow[],
  fresh: readonly ConversationRow[],
  hasMore: boolean,
): ConversationRow[] {
  const last = fresh.at(-1);
  if (!hasMore || !last) return [...fresh];
  const ids = new Set(fresh.map((row) => row.conversationId));
  const older = known.filter(
    (row) => !ids.has(row.conversationId) && row.lastMessageTime < last.lastMessageTime,
  );
  return [...fresh, ...older];
}
