import type { RequestPage, RequestRow } from '../../../src/protocol/rows.ts';
import type { Routes } from './panel.ts';
import { id } from './scripted-conversation.ts';

export const NOW = Date.UTC(2026, 10, 23, 12);

const TEXTS = [
  'fix the flaky upload test, the retry hides the real error',
  'Read, Grep ×2',
  'Is this a new topic?',
  'review migration 0042 and say what locks it takes',
  'Edit, Bash',
];

/** A request, the `number`th from the newest one. */
export function requestRow(number: number, change: Partial<RequestRow> = {}): RequestRow {
  const kind = number % 5;
  const side = kind === 2;
  const failed = number % 7 === 4;
  const running = number === 0;
  return {
    requestId: id(100_000 - number),
    conversationId: side ? null : id(7, 9),
    project: 'upload-service',
    branchId: side ? null : 'main',
    parentRequestId: side ? null : id(100_000 - number - 1),
    retryOf: null,
    isSubtask: number % 11 === 5,
    parentTaskRequestId: null,
    domain: '127.0.0.1:4517',
    accountId: 'acc_f9e10c7b21aa',
    model: side ? 'claude-haiku-4-5-20251001' : 'claude-opus-5-5',
    requestType: side ? 'query_evaluation' : 'inference',
    state: running ? 'running' : failed ? 'failed' : 'completed',
    timestamp: new Date(NOW - 20_000 - number * 97_000).toISOString(),
    inputTokens: running ? 0 : 310,
    outputTokens: running ? 0 : 1200 + number,
    cacheReadInputTokens: running || side ? 0 : 118_240,
    cacheCreationInputTokens: 0,
    totalTokens: 1510,
    contextTokens: running ? 0 : side ? 310 : 118_550,
    cost: null,
    firstByteMs: 840,
    firstTokenMs: running ? null : 1120,
    durationMs: running ? null : 12_300,
    responseStatus: running ? null : failed ? 529 : 200,
    streaming: true,
    error: failed ? 'Overloaded' : null,
    messageCount: 3,
    toolCallCount: 1,
    path: '/v1/messages?beta=true',
    preview: TEXTS[kind]!,
    asked: true,
    answerPreview: 'Read',
    ...change,
  };
}

export const requestRows = (count: number): RequestRow[] =>
  Array.from({ length: count }, (_, number) => requestRow(number));

/** Answers pages of these rows; filters by type and status, as far as tests ask. */
export function requestRoutes(rows: () => RequestRow[]): Routes {
  return (url) => {
    if (url.pathname !== '/api/requests') return undefined;
    const { searchParams: query } = url;
    const [type, domain] = [query.get('type'), query.get('domain')];
    const matching = rows().filter(
      (row) => (type === null || row.requestType === type) && (domain === null || row.domain === domain),
    );
    const limit = Number(query.get('limit'));
    const from = Number(query.get('cursor') ?? 0);
    const page = matching.slice(from, from + limit);
    const more = from + limit < matching.length;
    const body: RequestPage = {
      requests: page,
      pagination: { limit, nextCursor: more ? String(from + limit) : null },
    };
    return { body };
  };
}
