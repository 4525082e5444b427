import type { BranchKind, BranchRow, ConversationDetail } from '../../protocol/rows.ts';
import { branchTime, formatHour } from '../../wording/times.ts';

/** A branch as the panel names and draws it. */
export interface BranchStyle {
  branchId: string;
  kind: BranchKind;
  /** `main`, `branch 09:14`, `compaction 11:02`, `sub-task 2`: local time. */
  label: string;
  /** Index into the six chart colours; -1 is grey (sub-tasks). */
  colour: number;
  /** How often the six colours have been used up before: the pattern of the line. */
  pattern: number;
  row: BranchRow | null;
}

const CHART_COLOURS = 6;

/** The kind a branch id stands for, where the branch list does not say. */
function kindOf(branchId: string): BranchKind {
  if (branchId.startsWith('subtask_')) return 'subtask';
  if (branchId.startsWith('compact_')) return 'compact';
  return branchId.startsWith('branch_') ? 'branch' : 'main';
}

/** `sub-task 3` of `subtask_3`. */
export function subtaskLabel(branchId: string): string {
  return `sub-task ${branchId.replace(/^subtask_/, '')}`;
}

function labelOf(branchId: string, kind: BranchKind, near: number): string {
  if (kind === 'subtask') return subtaskLabel(branchId);
  if (kind === 'main') return branchId;
  const at = branchTime(branchId, near);
  const word = kind === 'compact' ? 'compaction' : 'branch';
  return at === null ? branchId : `${word} ${formatHour(at)}`;
}

/** All branches by id, in order of their first request; colours go to those that have a column. */
export function styleBranches(detail: ConversationDetail): Map<string, BranchStyle> {
  const rows = new Map(detail.branches.map((row) => [row.branchId, row]));
  const styles = new Map<string, BranchStyle>();
  let columns = 0;
  for (const request of detail.requests) {
    const branchId = request.branchId ?? 'main';
    if (styles.has(branchId)) continue;
    const row = rows.get(branchId) ?? null;
    const kind = row?.kind ?? kindOf(branchId);
    const label = labelOf(branchId, kind, Date.parse(request.timestamp));
    const column = kind === 'subtask' ? -1 : columns++;
    styles.set(branchId, {
      branchId,
      kind,
      label,
      colour: column < 0 ? -1 : column % CHART_COLOURS,
      pattern: column < 0 ? 0 : Math.floor(column / CHART_COLOURS),
      row,
    });
  }
  return styles;
}

/**
 * How much context a model has, in tokens. The traffic does not say it: 200k, or 1M where a larger context than that
 * was seen.
 */
export function contextWindow(contextTokens: Iterable<number>): number {
  for (const tokens of contextTokens) if (tokens > 200_000) return 1_000_000;
  return 200_000;
}
