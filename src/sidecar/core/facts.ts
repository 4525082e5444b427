import type { LinkSignal, RequestType } from '../../protocol/rows.ts';
import type { Said } from './answers.ts';
import type { Usage } from './usage.ts';

/**
 * What is read from one exchange, and what linking needs and decides. Pure types: `readFacts` fills RequestFacts,
 * the store answers `LinkQuery` with `LinkCandidates`, `decideLink` turns both into a `LinkDecision`.
 * Hashes are SHA-256 as 32-byte buffers; times are milliseconds since the epoch.
 */

export interface RequestFacts {
  requestType: RequestType;
  model: string | null;
  streaming: boolean;
  /** Header `x-claude-code-session-id`, else `metadata.user_id` in either format. A scope, not a conversation. */
  sessionId: string | null;
  agentId: string | null;
  parentAgentId: string | null;
  /** A history from another session means a fork. False for clients that open a new session whenever they resume. */
  newSessionForks: boolean;
  /** `X-Stainless-Retry-Count`: SDKs count their tries, Claude Code always says 0. null: not said. */
  retryCount: number | null;
  /** `account_uuid` of `metadata.user_id`. */
  accountUuid: string | null;
  systemHash: Buffer | null;
  messageCount: number;
  /** `tools` is a list that is not empty. */
  hasTools: boolean;
  /** The link chain l_1 … l_n, one hash for each normalised block. Empty: nothing to link by. */
  links: Buffer[];
  /** How many of `links` lie before the first assistant block: prefixes this short never link across sessions. */
  ownLinks: number;
  /** How many lie up to the last assistant block: who shares these gave the answer that this history ends with. */
  answeredLinks: number;
  /** Hash of each text that may equal a Task/Agent prompt: the first user text, a fork's directive, a workflow's task. */
  promptHashes: Buffer[];
  firstUserText: string | null;
  /** What a list shows of this turn: new user text, else "Read, Bash ×2" for tool results; ≤ 200 characters, one line. */
  preview: string;
  /** The preview is the user's words, and not the names of tools whose results the request brings. */
  asked: boolean;
  thread: { type: 'create' } | { type: 'continue'; previousMessageId: string } | null;
  /** `cc_prev_req` of the billing block: the parent's upstream `request-id`, where the client sends it. */
  previousUpstreamId: string | null;
  /** The user text that continues a compacted session, with the summary in it. */
  continuedText: string | null;
  /** This request asks for the summary of a conversation. */
  summarises: boolean;
  /** tool_use ids of the newest message that has any, newest first. */
  lastToolIds: string[];
  /** The newest answers in the history, newest first, at most 4. */
  answers: Said[];
}

/** A `Task`, `Agent` or `Workflow` tool call read from a response (of a workflow: `prompt` is its script). */
export interface SpawnCall {
  toolUseId: string;
  name: string;
  prompt: string;
  promptHash: Buffer;
  agentType: string | null;
}

export interface LinkScope {
  tenant: string;
  project: string | null;
  sessionId: string | null;
  agentId: string | null;
  parentAgentId: string | null;
}

/** What the store looks up for one new exchange; every candidate must be earlier than `at`. */
export interface LinkQuery {
  requestId: string;
  at: number;
  scope: LinkScope;
  links: Buffer[];
  /** As in RequestFacts. Prefixes up to here count only within one session: the finder may leave others out. */
  ownLinks: number;
  /** As in RequestFacts. */
  answeredLinks: number;
  previousMessageId: string | null;
  previousUpstreamId: string | null;
  promptHashes: Buffer[];
  /**
   * True: this may be an agent's first request whose prompt equals no call. The finder then also answers the session's
   * unclaimed invocations and its `Workflow` ones (claimed or not), newest first, at most 20.
   */
  anyInvocation: boolean;
  /** True: also the summarising requests of the scope, with their summaries. */
  compactions: boolean;
  lastToolIds: string[];
  /** `answerKey` of each of the newest answers; the finder may leave them out where a prefix has `answeredLinks`. */
  answers: AnswerKey[];
}

/** One of the newest answers in a history. */
export interface AnswerKey {
  key: Buffer;
  /** It says by itself whose it is; a short one may be repeated in its session. */
  telling: boolean;
}

/** An earlier exchange that may be the parent. */
export interface LinkCandidate {
  requestId: string;
  at: number;
  conversationId: string;
  branchId: string;
  sessionId: string | null;
  agentId: string | null;
  project: string | null;
  /** Tells twins in different sessions apart: clients of different versions or places have different prompts. */
  systemHash?: Buffer | null;
  isSubtask: boolean;
  parentTaskRequestId: string | null;
  /** null at a root. */
  parentRequestId: string | null;
  requestLink: Buffer;
  responseLink: Buffer | null;
  /** True: the response was complete by then, so the same request again is a sibling and not a retry. */
  complete: boolean;
  /** True: it had no end by then. */
  running: boolean;
  /** `answerKey` of its response. */
  answerKey: Buffer | null;
  summarises: boolean;
  /** Requests (retries left out) whose parent this one is. */
  children: { requestId: string; branchId: string; summarises: boolean }[];
  conversationRequestCount: number;
}

export interface CompactionCandidate extends LinkCandidate {
  /** The response's text: the summary. */
  summary: string;
}

/** A recorded Task/Agent call nobody has claimed yet, or a Workflow call (which starts any number of agents). */
export interface InvocationCandidate {
  toolUseId: string;
  name: string;
  claimed: boolean;
  prompt: string;
  promptHash: Buffer;
  /** The branch `subtask_N`, given when the call was recorded. */
  branchId: string;
  calledAt: number;
  /** Its place among the calls of its conversation, from 1. */
  ordinal: number;
  /** End of the parent's response; null while it streams. */
  parentEndedAt: number | null;
  parent: LinkCandidate;
}

export interface LinkCandidates {
  /** Response id equals `previousMessageId`, or upstream request id equals `previousUpstreamId`. */
  named: LinkCandidate[];
  /**
   * Request link or response link is among `links`, same project; deepest first, then the query's own session and
   * agent, then newest; at most 50.
   */
  prefix: LinkCandidate[];
  invocations: InvocationCandidate[];
  /** Earlier requests of the same session with the same agent id. Newest first, at most 5. */
  agent: LinkCandidate[];
  compactions: CompactionCandidate[];
  /** Their response's `answerKey` is among `answers`. At most 24, newest first. */
  answers: LinkCandidate[];
  /** Latest earlier request of the session that holds (in `lastToolIds`) or answered (a tool_use) one of `lastToolIds`. */
  tool: LinkCandidate[];
}

export interface LinkDecision {
  signal: LinkSignal;
  /** How many blocks of the link chain matched. */
  matched: number;
  parentRequestId: string | null;
  retryOf: string | null;
  /** null: a new conversation. */
  conversationId: string | null;
  /** `main`, a branch the parent is on, `subtask_N`, or the base of a new one, which the store makes unique. */
  branch: { kind: 'main' | 'same' | 'branch' | 'compact' | 'subtask'; id: string; isNew: boolean };
  isSubtask: boolean;
  parentTaskRequestId: string | null;
  /** The invocation this exchange claims. */
  toolUseId: string | null;
  candidates: { requestId: string; signal: LinkSignal; why: string }[];
}

/** What a whole or partial response says. */
export interface ResponseFacts {
  /** The reassembled message, or the JSON body; null when nothing of it is JSON. */
  message: unknown;
  messageId: string | null;
  model: string | null;
  /** True when the content itself is complete: `message_stop` seen, or a whole JSON body; never for an error. */
  complete: boolean;
  /** An error body or a mid-stream error event. */
  error: { type: string; message: string } | null;
  usage: Usage | null;
  toolCallCount: number;
  spawns: SpawnCall[];
  /** The concatenated text blocks; empty without text. */
  text: string;
  /** What Claude did, on one line: the tools called, else the beginning of the text; ≤ 200 characters. */
  preview: string;
}
