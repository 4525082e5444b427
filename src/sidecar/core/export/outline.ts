import type { BranchKind, BranchRow, ConversationDetail, RequestRow } from '../../../protocol/rows.ts';

/** One turn in the order of reading. Small: it goes back and forth while the export is written. */
export interface OutlineTurn {
  requestId: string;
  /** 1 at a root and in a sub-task, then one more than the turn before it; a retry keeps its number. */
  number: number;
  retry: boolean;
  /** How many of its messages the request before it had; null: all are new. */
  known: number | null;
  /** That request. */
  before: string | null;
  /** The request that brings this turn's tool results. */
  next: string | null;
  /** Sub-tasks that this turn started. */
  subtasks: { name: string; anchor: string }[];
}

export interface OutlineSection {
  anchor: string;
  kind: BranchKind;
  title: string;
  branch: BranchRow;
  /** Where it leaves another section. */
  from: { number: number; anchor: string } | null;
  turns: OutlineTurn[];
}

/** A conversation in the order of reading: the main line, branches and compactions as they began, then sub-tasks. */
export function outlineOf(detail: ConversationDetail): OutlineSection[] {
  const requests = new Map(detail.requests.map((row) => [row.requestId, row]));
  const numbers = numbersOf(detail.requests, requests);
  const byBranch = Map.groupBy(detail.requests, (row) => row.branchId ?? 'main');
  const next = nextOf(detail.requests);
  const ordered = [...detail.branches].sort((a, b) => Number(isSubtask(a)) - Number(isSubtask(b)));
  const subtaskNumbers = new Map(
    ordered.filter(isSubtask).map((branch, index) => [branch.branchId, index + 1]),
  );
  const started = Map.groupBy(detail.invocations, (call) => call.parentRequestId);
  return ordered
    .map((branch): OutlineSection => {
      const rows = byBranch.get(branch.branchId) ?? [];
      const parent = branch.parentRequestId === null ? undefined : requests.get(branch.parentRequestId);
      return {
        anchor: anchorOf(branch.branchId),
        kind: branch.kind,
        title: titleOf(branch, rows[0], subtaskNumbers.get(branch.branchId) ?? 0),
        branch,
        from:
          parent === undefined
            ? null
            : { number: numbers.get(parent.requestId) ?? 1, anchor: turnAnchor(parent.requestId) },
        turns: rows.map((row, index) => ({
          requestId: row.requestId,
          number: numbers.get(row.requestId) ?? 1,
          retry: row.retryOf !== null,
          known: knownOf(row, requests, index === 0 && branch.kind !== 'branch'),
          before: row.parentRequestId,
          next: next.get(row.requestId) ?? null,
          subtasks: (started.get(row.requestId) ?? []).flatMap(({ branchId }) => {
            const number = branchId === null ? undefined : subtaskNumbers.get(branchId);
            return branchId === null || number === undefined
              ? []
              : [{ name: `Sub-task ${number}`, anchor: anchorOf(branchId) }];
          }),
        })),
      };
    })
    .filter((section) => section.turns.length > 0);
}

/** The place of a turn in a document. */
export const turnAnchor = (requestId: string): string => `turn-${requestId}`;

/** Names of branches are ours; an attribute takes no other letters all the same. */
const anchorOf = (branchId: string): string => branchId.replace(/[^\w-]/g, '-');

const isSubtask = ({ kind }: Pick<BranchRow, 'kind'>): boolean => kind === 'subtask';

function titleOf(branch: BranchRow, first: RequestRow | undefined, number: number): string {
  // The reader may be anywhere, and so may the machine this runs on.
  const time = first === undefined ? '' : `${first.timestamp.slice(11, 16)} UTC`;
  switch (branch.kind) {
    case 'main':
      return 'Main line';
    case 'branch':
      return `Branch of ${time}`;
    case 'compact':
      return `After the compaction of ${time}`;
    case 'subtask':
      return `Sub-task ${number}`;
  }
}

/** Requests come in order of arrival, so a parent is there first. */
function numbersOf(rows: readonly RequestRow[], byId: Map<string, RequestRow>): Map<string, number> {
  const numbers = new Map<string, number>();
  for (const row of rows) {
    const tried = row.retryOf === null ? undefined : numbers.get(row.retryOf);
    const parent = row.parentRequestId === null ? undefined : byId.get(row.parentRequestId);
    const starts = row.isSubtask && parent?.branchId !== row.branchId;
    const before = parent === undefined || starts ? 0 : (numbers.get(parent.requestId) ?? 0);
    numbers.set(row.requestId, tried ?? before + 1);
  }
  return numbers;
}

/** The request that goes on from each: of the same branch if there is one. */
function nextOf(rows: readonly RequestRow[]): Map<string, string> {
  const next = new Map<string, string>();
  const branches = new Map(rows.map((row) => [row.requestId, row.branchId]));
  const elsewhere = new Map<string, string>();
  for (const { requestId, parentRequestId: parent, branchId, isSubtask: task } of rows) {
    if (parent === null) continue;
    const same = branches.get(parent) === branchId;
    if (same && !next.has(parent)) next.set(parent, requestId);
    if (!same && !task && !elsewhere.has(parent)) elsewhere.set(parent, requestId);
  }
  for (const [parent, requestId] of elsewhere) if (!next.has(parent)) next.set(parent, requestId);
  return next;
}

function knownOf(row: RequestRow, requests: Map<string, RequestRow>, begins: boolean): number | null {
  if (begins || row.parentRequestId === null) return null;
  return requests.get(row.parentRequestId)?.messageCount ?? null;
}
