import type { ConversationRow } from '../protocol/rows.ts';

/** A finished conversation of one request, for tests. */
export function conversationRow(overrides: Partial<ConversationRow> = {}): ConversationRow {
  return {
    conversationId: '0197a000-0000-7000-8000-000000000001',
    title: 'A conversation',
    project: 'app',
    domain: '127.0.0.1',
    accountId: null,
    source: 'live',
    state: 'completed',
    pinned: false,
    firstMessageTime: '2026-11-23T10:00:00.000Z',
    lastMessageTime: '2026-11-23T10:05:00.000Z',
    requestCount: 1,
    messageCount: 2,
    totalTokens: 126,
    contextTokens: 100,
    cost: null,
    errorCount: 0,
    branchCount: 1,
    subtaskBranchCount: 0,
    compactBranchCount: 0,
    modelsUsed: ['claude-opus-5-5'],
    latestRequestId: '0197a000-0000-7000-8000-00000000000f',
    latestModel: 'claude-opus-5-5',
    latestContextTokens: 100,
    ...overrides,
  };
}
