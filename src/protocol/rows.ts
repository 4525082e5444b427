import { z } from 'zod';

/**
 * The rows of the control API: what lists and details are made of. JSON, camelCase; times are ISO 8601 UTC with
 * milliseconds, durations are milliseconds, cost is USD or null (unpriced).
 */

export const requestType = z.enum(['inference', 'query_evaluation', 'quota', 'count_tokens', 'other']);
export type RequestType = z.infer<typeof requestType>;

/** `interrupted`: the sidecar died while the exchange was in flight. */
export const exchangeState = z.enum(['running', 'completed', 'failed', 'aborted', 'interrupted']);
export type ExchangeState = z.infer<typeof exchangeState>;

export const branchKind = z.enum(['main', 'branch', 'subtask', 'compact']);
export type BranchKind = z.infer<typeof branchKind>;

/** One exchange, as a row. `contextTokens` = input + cache read + cache creation. */
export const requestRow = z.object({
  requestId: z.string(),
  conversationId: z.string().nullable(),
  project: z.string().nullable(),
  branchId: z.string().nullable(),
  parentRequestId: z.string().nullable(),
  retryOf: z.string().nullable(),
  isSubtask: z.boolean(),
  parentTaskRequestId: z.string().nullable(),
  domain: z.string(),
  accountId: z.string().nullable(),
  model: z.string().nullable(),
  requestType,
  state: exchangeState,
  timestamp: z.string(),
  inputTokens: z.number(),
  outputTokens: z.number(),
  cacheReadInputTokens: z.number(),
  cacheCreationInputTokens: z.number(),
  totalTokens: z.number(),
  contextTokens: z.number(),
  cost: z.number().nullable(),
  firstByteMs: z.number().nullable(),
  firstTokenMs: z.number().nullable(),
  durationMs: z.number().nullable(),
  responseStatus: z.number().nullable(),
  streaming: z.boolean(),
  error: z.string().nullable(),
  messageCount: z.number(),
  toolCallCount: z.number(),
  path: z.string(),
  /** The new user text (`asked`), else the tools whose results the request brings; one line, at most 200 characters. */
  preview: z.string(),
  asked: z.boolean(),
  /** What Claude did: the tools called, else the beginning of the text; one line, at most 200 characters. */
  answerPreview: z.string(),
});
export type RequestRow = z.infer<typeof requestRow>;

const redaction = z.object({ path: z.string(), kind: z.string() });
export const streamingChunk = z.object({ index: z.number(), offsetMs: z.number(), data: z.string() });
export type StreamingChunk = z.infer<typeof streamingChunk>;

/** An ordered header list, as it passed (names as sent, duplicates kept). */
export const headerList = z.array(z.tuple([z.string(), z.string()]));
export type HeaderList = z.infer<typeof headerList>;

/** `requestBody` / `responseBody`: the JSON that passed, or a string where the body was not JSON, or null without a body. */
export const requestDetail = requestRow.extend({
  requestHeaders: headerList,
  requestBody: z.unknown(),
  responseHeaders: headerList,
  responseBody: z.unknown(),
  usageData: z.unknown(),
  streamingChunks: z.array(streamingChunk),
  currentMessageHash: z.string().nullable(),
  parentMessageHash: z.string().nullable(),
  systemHash: z.string().nullable(),
  redactions: z.array(redaction),
});
export type RequestDetail = z.infer<typeof requestDetail>;

export const conversationRow = z.object({
  conversationId: z.string(),
  title: z.string(),
  project: z.string().nullable(),
  domain: z.string(),
  accountId: z.string().nullable(),
  source: z.enum(['live', 'imported']),
  state: exchangeState,
  pinned: z.boolean(),
  firstMessageTime: z.string(),
  lastMessageTime: z.string(),
  requestCount: z.number(),
  messageCount: z.number(),
  totalTokens: z.number(),
  contextTokens: z.number(),
  cost: z.number().nullable(),
  errorCount: z.number(),
  branchCount: z.number(),
  subtaskBranchCount: z.number(),
  compactBranchCount: z.number(),
  modelsUsed: z.array(z.string()),
  latestRequestId: z.string(),
  latestModel: z.string().nullable(),
  latestContextTokens: z.number(),
});
export type ConversationRow = z.infer<typeof conversationRow>;

export const branchRow = z.object({
  branchId: z.string(),
  kind: branchKind,
  parentRequestId: z.string().nullable(),
  firstRequestId: z.string(),
  lastRequestId: z.string(),
  requestCount: z.number(),
  messageCount: z.number(),
  totalTokens: z.number(),
  cost: z.number().nullable(),
  contextTokens: z.number(),
  durationMs: z.number(),
  toolMs: z.number(),
});
export type BranchRow = z.infer<typeof branchRow>;

/** A `Task` / `Agent` tool call and the sub-task it started. `branchId` is given when the call is recorded. */
export const invocationRow = z.object({
  toolUseId: z.string(),
  parentRequestId: z.string(),
  name: z.string(),
  prompt: z.string(),
  agentType: z.string().nullable(),
  branchId: z.string().nullable(),
  state: z.enum(['running', 'done', 'failed']),
});
export type InvocationRow = z.infer<typeof invocationRow>;

export const conversationDetail = z.object({
  conversation: conversationRow,
  branches: z.array(branchRow),
  requests: z.array(requestRow),
  invocations: z.array(invocationRow),
  sideCalls: z.array(requestRow),
});
export type ConversationDetail = z.infer<typeof conversationDetail>;

export const linkSignal = z.enum([
  'thread',
  'response-prefix',
  'request-prefix',
  'retry',
  'spawn-prompt',
  'spawn-agent',
  'compaction',
  'last-answer',
  'tool-id',
  'root',
  'none',
]);
export type LinkSignal = z.infer<typeof linkSignal>;

/** An exchange that was considered and lost. Where it lies and when it was is null once it has been deleted. */
const linkCandidate = z.object({
  requestId: z.string(),
  signal: linkSignal,
  why: z.string(),
  conversationId: z.string().nullable(),
  title: z.string().nullable(),
  timestamp: z.string().nullable(),
});

/** Why an exchange hangs where it hangs: the winning signal and the candidates that lost. */
export const linkExplanation = z.object({
  signal: linkSignal,
  matchedMessages: z.number(),
  candidates: z.array(linkCandidate),
});
export type LinkExplanation = z.infer<typeof linkExplanation>;

const pagination = z.object({ limit: z.number(), nextCursor: z.string().nullable() });
export const conversationPage = z.object({ conversations: z.array(conversationRow), pagination });
export type ConversationPage = z.infer<typeof conversationPage>;
export const requestPage = z.object({ requests: z.array(requestRow), pagination });
export type RequestPage = z.infer<typeof requestPage>;

/** Totals over recorded exchanges, all request types counted. `limits`: the newest rate-limit sample per window. */
export const statsRow = z.object({
  since: z.string().nullable(),
  requests: z.number(),
  conversations: z.number(),
  errors: z.number(),
  inputTokens: z.number(),
  outputTokens: z.number(),
  totalTokens: z.number(),
  cacheReadInputTokens: z.number(),
  cacheCreationInputTokens: z.number(),
});
export type StatsRow = z.infer<typeof statsRow>;
