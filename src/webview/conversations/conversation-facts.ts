import type { ConversationDetail } from '../../protocol/rows.ts';

/** Sums over a conversation that its header shows and its row does not hold. */
export interface ConversationFacts {
  /** Tokens that went into the model over all requests, cache included. */
  contextTokens: number;
  /** Share of them that came from the cache, 0–1. */
  cachedShare: number;
  durationMs: number;
  branches: number;
  subtasks: number;
  compactions: number;
}

export function readFacts(detail: ConversationDetail): ConversationFacts {
  let contextTokens = 0;
  let cached = 0;
  for (const request of detail.requests) {
    contextTokens += request.contextTokens;
    cached += request.cacheReadInputTokens;
  }
  const { conversation } = detail;
  const count = (kind: string): number => detail.branches.filter((branch) => branch.kind === kind).length;
  return {
    contextTokens,
    cachedShare: contextTokens === 0 ? 0 : cached / contextTokens,
    durationMs: Math.max(
      0,
      Date.parse(conversation.lastMessageTime) - Date.parse(conversation.firstMessageTime),
    ),
    branches: count('branch'),
    subtasks: count('subtask'),
    compactions: count('compact'),
  };
}
