import { answersIn } from './answers.ts';
import { normaliseText } from './block-form.ts';
import { classify, headerOf } from './classify.ts';
import { sha256 } from './digest.ts';
import type { RequestFacts } from './facts.ts';
import { blocksOf, listOf, member, parseJson, stringOf } from './json.ts';
import { messagesFacts, type MessageFacts } from './message-facts.ts';
import { isBilling, linkChain, systemHash, type LinkChain } from './normalise.ts';
import { previewOf } from './preview.ts';
import {
  asksForSummary,
  continuedText,
  forkDirective,
  isClientText,
  newestOf,
  workflowTask,
} from './wording.ts';

export interface RequestHead {
  method: string;
  /** Path and query. */
  path: string;
  headers: [string, string][];
}

/** What of a body the facts are read from. */
interface RequestContent {
  /** The body's members; what stands for messages, system and tools does not matter. Undefined: it is no JSON. */
  members: unknown;
  messages: MessageFacts[];
  system: SystemFacts;
  hasTools: boolean;
  chain: Pick<LinkChain, 'links' | 'ownLinks' | 'answeredLinks'>;
}

export interface SystemFacts {
  hash: Buffer | null;
  previousUpstreamId: string | null;
  text: string;
}

/** Everything linking and lists need to know of a request. Any JSON is fine; what is odd is read as absent. */
export function readRequest(input: RequestHead & { body: unknown }): RequestFacts {
  const { body } = input;
  return requestFacts(input, {
    members: body,
    messages: messagesFacts(member(body, 'messages')),
    system: readSystem(blocksOf(member(body, 'system'))),
    hasTools: listOf(member(body, 'tools')).length > 0,
    chain: linkChain(member(body, 'messages')),
  });
}

export function requestFacts({ method, path, headers }: RequestHead, content: RequestContent): RequestFacts {
  const { members, messages, system, hasTools, chain } = content;
  const user = userOf(member(member(members, 'metadata'), 'user_id'));
  const first = messages.find(({ role, texts }) => role === 'user' && texts.length > 0)?.texts ?? [];
  const preview = previewOf(messages);
  return {
    requestType: classify(method, path, headers, { members, messages, hasTools, systemText: system.text }),
    model: stringOf(member(members, 'model')),
    streaming: member(members, 'stream') === true,
    sessionId: headerOf(headers, 'x-claude-code-session-id') ?? user.sessionId,
    agentId: headerOf(headers, 'x-claude-code-agent-id'),
    parentAgentId: headerOf(headers, 'x-claude-code-parent-agent-id'),
    newSessionForks: !(headerOf(headers, 'user-agent') ?? '').startsWith('claude-cli/1.'),
    retryCount: numberOf(headerOf(headers, 'x-stainless-retry-count')),
    accountUuid: user.accountUuid,
    systemHash: system.hash,
    messageCount: messages.length,
    hasTools,
    links: chain.links,
    ownLinks: chain.ownLinks,
    answeredLinks: chain.answeredLinks,
    promptHashes: promptHashes(messages, first[0] ?? null),
    firstUserText: first.find((text) => !isClientText(text)) ?? first[0] ?? null,
    preview: preview.text,
    asked: preview.asked,
    thread: threadOf(member(members, 'thread')),
    previousUpstreamId: system.previousUpstreamId,
    continuedText: continuedText(messages),
    // The hint header (opt-in) says it, whatever the next version's wording is.
    summarises: asksForSummary(messages) || headerOf(headers, 'x-claude-code-request-class') === 'compaction',
    lastToolIds: lastToolIds(messages),
    answers: answersIn(messages),
  };
}

/** What is read of the system prompt's blocks. */
export function readSystem(blocks: unknown[]): SystemFacts {
  return {
    hash: systemHash(blocks),
    previousUpstreamId: previousUpstreamId(blocks),
    text: blocks.map((block) => stringOf(member(block, 'text')) ?? '').join('\n'),
  };
}

/** SHA-256 of a prompt as it is compared: a Task/Agent call's with a sub-agent's first text. Empty: null. */
export function promptHash(prompt: string): Buffer | null {
  const normal = normaliseText(prompt);
  return normal === null ? null : sha256(normal);
}

/** The first user text, the task behind a workflow's preamble, and what the newest message directs a fork to do. */
function promptHashes(messages: MessageFacts[], first: string | null): Buffer[] {
  const directive = newestOf(messages)?.texts.at(-1);
  const prompts = [
    first,
    first === null ? null : workflowTask(first),
    directive === undefined ? null : forkDirective(directive),
  ];
  return prompts
    .map((prompt) => (prompt === null ? null : promptHash(prompt)))
    .filter((found) => found !== null);
}

const OLD_USER = /^user_[0-9a-f]+_account_([^_]*)_session_(.+)$/i;

/** `metadata.user_id` in both formats: `user_…_account_…_session_…`, or JSON with `account_uuid` and `session_id`. */
function userOf(userId: unknown): { sessionId: string | null; accountUuid: string | null } {
  const text = stringOf(userId) ?? '';
  const old = OLD_USER.exec(text);
  if (old !== null) return { accountUuid: notEmpty(old[1]), sessionId: notEmpty(old[2]) };
  const json = text.startsWith('{') ? parseJson(text) : undefined;
  return {
    accountUuid: notEmpty(member(json, 'account_uuid')),
    sessionId: notEmpty(member(json, 'session_id')),
  };
}

const notEmpty = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value : null;

const numberOf = (text: string | null): number | null =>
  text !== null && /^\d{1,6}$/.test(text) ? Number(text) : null;

function threadOf(thread: unknown): RequestFacts['thread'] {
  const type = member(thread, 'type');
  if (type === 'create') return { type };
  const previousMessageId = stringOf(member(thread, 'previous_message_id'));
  return type === 'continue' && previousMessageId !== null ? { type, previousMessageId } : null;
}

/** `cc_prev_req=req_…` of the billing block: the parent's `request-id`. */
function previousUpstreamId(system: unknown[]): string | null {
  for (const block of system) {
    if (!isBilling(block)) continue;
    const found = /\bcc_prev_req=([\w-]+)/.exec(stringOf(member(block, 'text')) ?? '');
    if (found !== null) return found[1] ?? null;
  }
  return null;
}

/** Ids of the newest message that calls a tool or answers one, newest first. */
function lastToolIds(messages: MessageFacts[]): string[] {
  const keys = messages.findLast(({ toolKeys }) => toolKeys.length > 0)?.toolKeys ?? [];
  return keys.map((key) => key.slice(key.indexOf(' ') + 1)).reverse();
}

/** The ids of tool calls and results in a message's content, in order. */
export function toolIdsOf(content: unknown): string[] {
  const ids: string[] = [];
  for (const block of blocksOf(content)) {
    const type = member(block, 'type');
    const id =
      type === 'tool_use'
        ? member(block, 'id')
        : type === 'tool_result'
          ? member(block, 'tool_use_id')
          : null;
    if (typeof id === 'string') ids.push(id);
  }
  return ids;
}
