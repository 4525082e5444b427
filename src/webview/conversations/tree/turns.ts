import type { ConversationDetail, InvocationRow, RequestRow } from '../../../protocol/rows.ts';

/** One turn: a request with its failed tries folded in. */
export interface Turn {
  /** Id of the first try: stays the same when a retry arrives. */
  key: string;
  /** All tries in order; the last one is what counts. */
  attempts: RequestRow[];
  request: RequestRow;
  branchId: string;
  parent: Turn | null;
  children: Turn[];
  /** 1 at a root, then one more than the parent. */
  number: number;
  invocations: InvocationRow[];
}

/** What a conversation looks like as turns. Requests come in order of arrival, so a parent is always there first. */
export interface TurnGraph {
  turns: Turn[];
  byBranch: Map<string, Turn[]>;
  /** Every attempt's id → its turn. */
  byRequest: Map<string, Turn>;
}

/** Folds retries and joins turns to their parents. Unknown parents, cycles and odd orders make roots, never errors. */
export function buildTurns(detail: Pick<ConversationDetail, 'requests' | 'invocations'>): TurnGraph {
  const turns: Turn[] = [];
  const byRequest = new Map<string, Turn>();
  const byBranch = new Map<string, Turn[]>();
  for (const request of detail.requests) {
    if (byRequest.has(request.requestId)) continue;
    const first = request.retryOf === null ? undefined : byRequest.get(request.retryOf);
    if (first) {
      first.attempts.push(request);
      first.request = request;
      byRequest.set(request.requestId, first);
      continue;
    }
    const parent = request.parentRequestId === null ? null : (byRequest.get(request.parentRequestId) ?? null);
    const branchId = request.branchId ?? 'main';
    // A sub-task counts its own turns; its parent is the call that started it.
    const starts = parent !== null && request.isSubtask && parent.branchId !== branchId;
    const turn: Turn = {
      key: request.requestId,
      attempts: [request],
      request,
      branchId,
      parent,
      children: [],
      number: parent === null || starts ? 1 : parent.number + 1,
      invocations: [],
    };
    parent?.children.push(turn);
    turns.push(turn);
    byRequest.set(request.requestId, turn);
    const branch = byBranch.get(branchId);
    if (branch) branch.push(turn);
    else byBranch.set(branchId, [turn]);
  }
  for (const invocation of detail.invocations) {
    byRequest.get(invocation.parentRequestId)?.invocations.push(invocation);
  }
  return { turns, byBranch, byRequest };
}

/** What stands for a turn in one line: the user's words where there are any, else what Claude did in it. */
export function turnLabel(request: RequestRow): { text: string; asked: boolean } {
  if (request.asked && request.preview !== '') return { text: request.preview, asked: true };
  return { text: request.answerPreview || request.preview || 'no text', asked: false };
}

/** What went wrong with a turn in a word or two; null when nothing did. */
export function trouble(request: RequestRow): string | null {
  if (request.state === 'failed') {
    return request.responseStatus === null ? 'failed' : String(request.responseStatus);
  }
  if (request.state === 'aborted') return 'aborted';
  return request.state === 'interrupted' ? 'interrupted' : null;
}
