import type { RequestType } from '../../protocol/rows.ts';
import { normaliseText } from './block-form.ts';
import { blocksOf, isObject, listOf, member, stringOf } from './json.ts';
import { asksForSummary } from './wording.ts';

/**
 * What kind of request this is. Decided before linking: a title call's messages normalise to exactly the main
 * conversation's first turn. `path` may carry a query; `body` is the parsed JSON, or undefined.
 */
export function classify(
  method: string,
  path: string,
  headers: [string, string][],
  body: unknown,
): RequestType {
  const route = path.split('?', 1)[0]!.replace(/\/+$/, '');
  if (method !== 'POST') return 'other';
  if (route.endsWith('/v1/messages/count_tokens')) return 'count_tokens';
  if (!route.endsWith('/v1/messages') || !isObject(body)) return 'other';
  if (isQuotaProbe(body)) return 'quota';
  return isSideCall(headers, body) ? 'query_evaluation' : 'inference';
}

/** The value of a header, whatever its case; the first of several. */
export function headerOf(headers: [string, string][], name: string): string | null {
  for (const [key, value] of headers) if (key.toLowerCase() === name) return value;
  return null;
}

function isQuotaProbe(body: unknown): boolean {
  const messages = listOf(member(body, 'messages'));
  return member(body, 'max_tokens') === 1 && messages.length === 1 && userText(messages[0]) === 'quota';
}

const AUXILIARY = new Set(['auxiliary', 'side_reply']);

/** Claude Code's own calls beside the conversation: titles, topic and prefix checks, git history, warm-ups. */
function isSideCall(headers: [string, string][], body: unknown): boolean {
  if (!(headerOf(headers, 'user-agent') ?? '').startsWith('claude-cli/')) return false;
  if (AUXILIARY.has(headerOf(headers, 'x-claude-code-request-class') ?? '')) return true;
  if (listOf(member(body, 'tools')).length > 0) return false;
  const messages = listOf(member(body, 'messages'));
  if (asksForSummary(messages)) return false;
  const system = systemText(member(body, 'system'));
  if (SIDE_SYSTEM.some((words) => words.test(system))) return true;
  const text = userText(messages.find((message) => member(message, 'role') === 'user'));
  if (SIDE_TEXT.some((words) => words.test(text))) return true;
  return !isConversation(headers, messages, system);
}

/** Wordings of the side calls' system prompts, all versions seen. */
const SIDE_SYSTEM = [
  /Analyze if this message indicates a new conversation topic/,
  /Generate a concise, sentence-case title/,
  /You are an expert at analyzing git history/,
  /<policy_spec>/,
  /Extract any file paths that this command reads or modifies/,
];

/** Wordings of their user texts, for when the system prompt was changed. */
const SIDE_TEXT = [/^Warmup$/, /<policy_spec>/, /^Command: [^]*\nOutput: /, /^Files modified by user:\n/];

/** A request without tools that is a conversation all the same: a sub-agent, a later turn, or a main system prompt. */
function isConversation(headers: [string, string][], messages: unknown[], system: string): boolean {
  if (headerOf(headers, 'x-claude-code-agent-id') !== null) return true;
  const roles = messages.map((message) => member(message, 'role'));
  // A trailing assistant message is a prefill, which side calls have too; only conversations have `system` messages.
  if (roles.includes('system') || roles.slice(0, -1).includes('assistant')) return true;
  return MAIN_SYSTEM.some((words) => words.test(system));
}

/** What main system prompts hold and side calls' do not: the environment, or the agent's introduction. */
const MAIN_SYSTEM = [/You are an interactive /, /<env>\n/, /Working directory: /, /# Environment\n/];

function systemText(system: unknown): string {
  return blocksOf(system)
    .map((block) => stringOf(member(block, 'text')) ?? '')
    .join('\n');
}

/** A message's text without reminders. */
function userText(message: unknown): string {
  return blocksOf(member(message, 'content'))
    .map((block) => normaliseText(stringOf(member(block, 'text')) ?? '') ?? '')
    .filter((text) => text !== '')
    .join('\n');
}
