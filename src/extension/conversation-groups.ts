import type { ConversationRow } from '../protocol/rows.ts';
import { formatAge } from '../wording/times.ts';
import { formatCount, formatExact, plural } from '../wording/numbers.ts';
import { shortModel } from '../wording/models.ts';
import { oneLine } from './one-line.ts';

/** The conversations of one day, newest first. `key` is the local date, `2026-11-23`. */
export interface Day {
  readonly key: string;
  readonly label: string;
  readonly conversations: readonly ConversationRow[];
}

/** Groups by the local day of the last message: Today, Yesterday, the weekday within a week, then the date. */
export function groupByDay(rows: readonly ConversationRow[], now: Date, locale: string): Day[] {
  const days = new Map<string, ConversationRow[]>();
  for (const row of [...rows].sort(newestFirst)) {
    const key = dayKey(new Date(row.lastMessageTime));
    const day = days.get(key);
    if (day === undefined) days.set(key, [row]);
    else day.push(row);
  }
  return [...days].map(([key, conversations]) => ({ key, label: dayLabel(key, now, locale), conversations }));
}

/** What the icon of a conversation says. */
export type Mark = 'running' | 'done' | 'failed' | 'stopped';

export function markOf(row: ConversationRow): Mark {
  if (row.state === 'running') return 'running';
  if (row.state === 'failed' || row.state === 'interrupted') return 'failed';
  return row.state === 'aborted' ? 'stopped' : 'done';
}

/** The dim text beside the title: `opus-5-5 · 62k tok · 2 h`. */
export function describe(row: ConversationRow, now: Date): string {
  const parts = [
    `${formatCount(row.totalTokens)} tok`,
    formatAge(Date.parse(row.lastMessageTime), now.getTime()),
  ];
  if (row.latestModel !== null) parts.unshift(shortModel(row.latestModel));
  return parts.join(' · ');
}

/** What a screen reader says: the icon's meaning in words, then what the eye sees. */
export function announce(row: ConversationRow, now: Date): string {
  return `${titleOf(row)}, ${WORD[markOf(row)]}, ${describe(row, now).replaceAll(' · ', ', ')}`;
}

export function titleOf(row: ConversationRow): string {
  return oneLine(row.title) || 'Untitled conversation';
}

/** The rows under a conversation: what it has beyond one straight line. Empty for a plain conversation. */
export interface Part {
  readonly kind: 'branches' | 'subtasks' | 'compactions';
  readonly label: string;
}

export function partsOf(row: ConversationRow): Part[] {
  const parts: Part[] = [];
  // Beside the main line, as the panel counts them.
  const branches = row.branchCount - row.subtaskBranchCount - row.compactBranchCount - 1;
  if (branches > 0) parts.push({ kind: 'branches', label: plural(branches, 'branch', 'branches') });
  if (row.subtaskBranchCount > 0) {
    parts.push({ kind: 'subtasks', label: plural(row.subtaskBranchCount, 'sub-task', 'sub-tasks') });
  }
  if (row.compactBranchCount > 0) {
    parts.push({ kind: 'compactions', label: plural(row.compactBranchCount, 'compaction', 'compactions') });
  }
  return parts;
}

/** Name and value pairs of the tooltip, exact where the list is short. */
export function facts(row: ConversationRow, locale: string): [string, string][] {
  const time = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' });
  const list: [string, string][] = [
    ['State', STATE[row.state]],
    ['Last message', time.format(new Date(row.lastMessageTime))],
    ['Started', time.format(new Date(row.firstMessageTime))],
    ['Model', row.modelsUsed.join(', ') || 'unknown'],
    ['Requests', formatExact(row.requestCount)],
    ['Tokens', formatExact(row.totalTokens)],
    ['Context', `${formatExact(row.latestContextTokens)} tokens in the latest request`],
  ];
  if (row.cost !== null) list.push(['Cost', `$${row.cost.toFixed(2)}`]);
  if (row.errorCount > 0) list.push(['Errors', formatExact(row.errorCount)]);
  if (row.project !== null) list.push(['Project', oneLine(row.project)]);
  return list;
}

const WORD: Record<Mark, string> = {
  running: 'running',
  done: 'done',
  failed: 'failed',
  stopped: 'stopped by the user',
};

const STATE: Record<ConversationRow['state'], string> = {
  running: 'Running',
  completed: 'Done',
  failed: 'The last request failed',
  aborted: 'Stopped by the user',
  interrupted: 'Interrupted: the recorder ended in the middle',
};

const newestFirst = (a: ConversationRow, b: ConversationRow): number =>
  Date.parse(b.lastMessageTime) - Date.parse(a.lastMessageTime) ||
  (a.conversationId < b.conversationId ? 1 : -1);

function dayKey(time: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${String(time.getFullYear())}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
}

function dayLabel(key: string, now: Date, locale: string): string {
  const day = new Date(`${key}T00:00:00`);
  const today = new Date(now.getFullYear(), now.getMonth(), now.getDate());
  // Rounded: a day of a clock change has 23 or 25 hours.
  const daysAgo = Math.round((today.getTime() - day.getTime()) / 86_400_000);
  if (daysAgo <= 0) return 'Today';
  if (daysAgo === 1) return 'Yesterday';
  if (daysAgo < 7) return new Intl.DateTimeFormat(locale, { weekday: 'long' }).format(day);
  const sameYear = day.getFullYear() === now.getFullYear();
  const format: Intl.DateTimeFormatOptions = { day: 'numeric', month: 'long' };
  return new Intl.DateTimeFormat(locale, sameYear ? format : { ...format, year: 'numeric' }).format(day);
}
