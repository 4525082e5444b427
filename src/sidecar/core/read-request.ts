import { hash } from 'node:crypto';
import { normaliseText } from './block-form.ts';
import { classify, headerOf } from './classify.ts';
import type { RequestFacts } from './facts.ts';
import { blocksOf, listOf, member, parseJson, stringOf } from './json.ts';
import { isBilling, linkChain, systemHash } from './normalise.ts';
import { previewOf } from './preview.ts';
import {
  asksForSummary,
  continuedText,
  forkDirective,
  isClientText,
  textsOf,
  workflowTask,
} from './wording.ts';

interface RequestInput {
  method: string;
  /** Path and query. */
  path: string;
  headers: [string, string][];
  /** The parsed JSON; undefined when the body is none. */
  body: unknown;
}

/** Everything linking and lists need to know of a request. Any JSON is fine; what is odd is read as absent. */
export function readRequest(input: RequestInput): RequestFacts {
  const { body, headers } = input;
  const messages = listOf(member(body, 'messages'));
  const user = userOf(member(member(body, 'metadata'), 'user_id'));
  const { links, ownLinks } = linkChain(messages);
  const texts = firstTexts(messages);
  const preview = previewOf(messages);
  return {
    requestType: classify(input.method, input.path, headers, body),
    model: stringOf(member(body, 'model')),
    streaming: member(body, 'stream') === true,
    sessionId: headerOf(headers, 'x-claude-code-session-id') ?? user.sessionId,
    agentId: headerOf(headers, 'x-claude-code-agent-id'),
    parentAgentId: headerOf(headers, 'x-claude-code-parent-agent-id'),
    newSessionForks: !(headerOf(headers, 'user-agent') ?? '').startsWith('claude-cli/1.'),
    retryCount: numberOf(headerOf(headers, 'x-stainless-retry-count')),
    accountUuid: user.accountUuid,
    systemHash: systemHash(member(body, 'system')),
    messageCount: messages.length,
    links,
    ownLinks,
    promptHashes: promptHashes(messages, texts[0] ?? null),
    firstUserText: texts.find((text) => !isClientText(text)) ?? texts[0] ?? null,
    preview: preview.text,
    asked: preview.asked,
    thread: threadOf(member(body, 'thread')),
    previousUpstreamId: previousUpstreamId(member(body, 'system')),
    continuedText: continuedText(messages),
    summarises: asksForSummary(messages),
    lastToolIds: lastToolIds(messages),
  };
}

/** SHA-256 of a prompt as it is compared: a Task/Agent call's with a sub-agent's first text. Empty: null. */
export function promptHash(prompt: string): Buffer | null {
  const normal = normaliseText(prompt);
  return normal === null ? null : hash('sha256', normal, 'buffer');
}

/** The texts of the first user message that has any; reminders do not count. */
function firstTexts(messages: unknown[]): string[] {
  for (const message of messages) {
    if (member(message, 'role') !== 'user') continue;
    const texts = textsOf(message);
    if (texts.length > 0) return texts;
  }
  return [];
}

/** The first user text, the task behind a workflow's preamble, and what the newest message directs a fork to do. */
function promptHashes(messages: unknown[], first: string | null): Buffer[] {
  const newest = messages.findLast((message) => member(message, 'role') !== 'system');
  const directive = textsOf(newest).at(-1);
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
function previousUpstreamId(system: unknown): string | null {
  for (const block of blocksOf(system)) {
    if (!isBilling(block)) continue;
    const found = /\bcc_prev_req=([\w-]+)/.exec(stringOf(member(block, 'text')) ?? '');
    if (found !== null) return found[1] ?? null;
  }
  return null;
}

/** Ids of the newest message that calls a tool or answers one, newest first. */
function lastToolIds(messages: unknown[]): string[] {
  for (let index = messages.length - 1; index >= 0; index--) {
    const ids = toolIdsOf(member(messages[index], 'content'));
    if (ids.length > 0) return ids.reverse();
  }
  return [];
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
