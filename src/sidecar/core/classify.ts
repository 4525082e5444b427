import type { RequestType } from '../../protocol/rows.ts';
import { isObject, member } from './json.ts';
import type { MessageFacts } from './message-facts.ts';
import { asksForSummary } from './wording.ts';

/** What a request is told by. */
interface Classified {
  /** The body's members; undefined when it is no JSON object. */
  members: unknown;
  messages: MessageFacts[];
  hasTools: boolean;
  /** The system prompt's texts. */
  systemText: string;
}

/**
 * What kind of request this is. Decided before linking: a title call's messages normalise to exactly the main
 * conversation's first turn. `path` may carry a query.
 */
export function classify(
  method: string,
  path: string,
  headers: [string, string][],
  content: Classified,
): RequestType {
  const route = path.split('?', 1)[0]!.replace(/\/+$/, '');
  if (method !== 'POST') return 'other';
  if (route.endsWith('/v1/messages/count_tokens')) return 'count_tokens';
  if (!route.endsWith('/v1/messages') || !isObject(content.members)) return 'other';
  if (isQuotaProbe(content)) return 'quota';
  return isSideCall(headers, content) ? 'query_evaluation' : 'inference';
}

/** The value of a header, whatever its case; the first of several. */
export function headerOf(headers: [string, string][], name: string): string | null {
  for (const [key, value] of headers) if (key.toLowerCase() === name) return value;
  return null;
}

function isQuotaProbe({ members, messages }: Classified): boolean {
  return member(members, 'max_tokens') === 1 && messages.length === 1 && textOf(messages[0]) === 'quota';
}

const AUXILIARY = new Set(['auxiliary', 'side_reply']);

/** Claude Code's own calls beside the conversation: titles, topic and prefix checks, git history, warm-ups. */
function isSideCall(headers: [string, string][], content: Classified): boolean {
  if (!(headerOf(headers, 'user-agent') ?? '').startsWith('claude-cli/')) return false;
  if (AUXILIARY.has(headerOf(headers, 'x-claude-code-request-class') ?? '')) return true;
  const { messages, systemText } = content;
  if (content.hasTools || asksForSummary(messages)) return false;
  if (SIDE_SYSTEM.some((words) => words.test(systemText))) return true;
  const text = textOf(messages.find(({ role }) => role === 'user'));
  if (SIDE_TEXT.some((words) => words.test(text))) return true;
  return !isConversation(headers, content);
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
function isConversation(headers: [string, string][], { messages, systemText }: Classified): boolean {
  if (headerOf(headers, 'x-claude-code-agent-id') !== null) return true;
  const roles = messages.map(({ role }) => role);
  // A trailing assistant message is a prefill, which side calls have too; only conversations have `system` messages.
  if (roles.includes('system') || roles.slice(0, -1).includes('assistant')) return true;
  return MAIN_SYSTEM.some((words) => words.test(systemText));
}

/** What main system prompts hold and side calls' do not: the environment, or the agent's introduction. */
const MAIN_SYSTEM = [/You are an interactive /, /<env>\n/, /Working directory: /, /# Environment\n/];

const textOf = (message: MessageFacts | undefined): string => message?.texts.join('\n') ?? '';
