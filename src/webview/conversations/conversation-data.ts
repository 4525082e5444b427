import type { ConversationDetail } from '../../protocol/rows.ts';
import { contextWindow, styleBranches, type BranchStyle } from './branches.ts';
import type { PanelState } from './panel-state.ts';
import { layoutTree, type TreeLayout } from './tree/layout.ts';
import { buildTurns, type Turn, type TurnGraph } from './tree/turns.ts';

/** A conversation as its view holds it: what the API said, and what is read from it once. */
export interface Loaded {
  detail: ConversationDetail;
  graph: TurnGraph;
  styles: Map<string, BranchStyle>;
  /** Context window of the model, in tokens. */
  window: number;
}

export function readConversation(detail: ConversationDetail): Loaded {
  return {
    detail,
    graph: buildTurns(detail),
    styles: styleBranches(detail),
    window: contextWindow(detail.requests.map((request) => request.contextTokens)),
  };
}

/** The tree as the panel shows it now: one branch or all, what matches the search, sub-tasks opened in place. */
export function layOut({ graph, styles }: Loaded, panel: PanelState, search: string): TreeLayout {
  const words = search.trim().toLowerCase();
  const branch = panel.branch !== null && styles.has(panel.branch) ? panel.branch : null;
  return layoutTree(graph, styles, {
    expanded: new Set(panel.expanded),
    keep: (turn) =>
      (branch === null || turn.branchId === branch) &&
      (words === '' ||
        turn.attempts.some((each) =>
          `${each.preview} ${each.answerPreview} ${each.error ?? ''}`.toLowerCase().includes(words),
        )),
  });
}

/** The turn a watcher of the conversation watches: the newest outside sub-tasks. */
export function tailOf(graph: TurnGraph): Turn | undefined {
  return graph.turns.findLast((turn) => !turn.request.isSubtask) ?? graph.turns.at(-1);
}

/** Ids of the sub-tasks a turn lies in, innermost first. */
export function tasksAround({ graph, styles }: Loaded, turn: Turn | null): string[] {
  const around: string[] = [];
  let at = turn;
  while (at && styles.get(at.branchId)?.kind === 'subtask' && !around.includes(at.branchId)) {
    around.push(at.branchId);
    at = graph.byBranch.get(at.branchId)?.[0]?.parent ?? null;
  }
  return around;
}
