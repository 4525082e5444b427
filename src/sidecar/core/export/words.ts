import type { ConversationDetail, RequestRow } from '../../../protocol/rows.ts';
import { formatCost, formatDuration, formatTokens, plural } from '../../../wording/numbers.ts';
import { isObject } from '../json.ts';
import type { OutlineSection } from './outline.ts';

/** Words that Markdown and HTML share. Times are UTC: a file is read anywhere. */

/** `claude-opus-5-5 · 41 requests · 62k tokens · $0.84 · 18 min · shop`. */
export function summaryLine({ conversation, sideCalls }: ConversationDetail): string {
  const { modelsUsed, requestCount, totalTokens, cost, firstMessageTime, lastMessageTime } = conversation;
  return [
    ...(modelsUsed.length === 0 ? [] : [modelsUsed.join(', ')]),
    plural(requestCount, 'request'),
    formatTokens(totalTokens),
    ...(cost === null ? [] : [formatCost(cost)]),
    formatDuration(Date.parse(lastMessageTime) - Date.parse(firstMessageTime)),
    ...(conversation.errorCount === 0 ? [] : [plural(conversation.errorCount, 'error')]),
    ...(conversation.project === null ? [] : [conversation.project]),
    ...(sideCalls.length === 0 ? [] : [`${plural(sideCalls.length, 'metadata call')} not shown`]),
  ].join(' · ');
}

/** `14 turns · 29 messages · 62k tokens`. */
export function sectionLine({ branch }: OutlineSection): string {
  return [
    plural(branch.requestCount, 'turn'),
    plural(branch.messageCount, 'message'),
    formatTokens(branch.totalTokens),
  ].join(' · ');
}

/** `2026-11-23 09:12:40 UTC · claude-opus-5-5 · in 310, cached 118k, out 1.9k tokens · 12.3 s`. */
export function turnLine(row: RequestRow): string {
  return [
    utc(row.timestamp),
    ...(row.model === null ? [] : [row.model]),
    `in ${formatTokens(row.inputTokens)}`,
    ...(row.cacheReadInputTokens === 0 ? [] : [`cached ${formatTokens(row.cacheReadInputTokens)}`]),
    `out ${formatTokens(row.outputTokens)}`,
    ...(row.cost === null ? [] : [formatCost(row.cost)]),
    ...(row.durationMs === null ? [] : [formatDuration(row.durationMs)]),
  ].join(' · ');
}

/** How a turn ended, where that is not as it should be; null: it is. */
export function stateWords(row: RequestRow): string | null {
  switch (row.state) {
    case 'completed':
      return null;
    case 'running':
      return 'Still running when this was exported.';
    case 'aborted':
      return 'Stopped by the client before the answer was complete.';
    case 'interrupted':
      return 'Cut short: Claude Nexus stopped while it ran.';
    case 'failed':
      return `Failed${row.responseStatus === null ? '' : ` with status ${row.responseStatus}`}${row.error === null ? '' : `: ${row.error}`}.`;
  }
}

/** `2026-11-23 09:12:40 UTC`. */
export function utc(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}

/** What the reader of an export must know of its secrets. */
export const REDACT_WORDS = {
  own: 'Keys of Claude Nexus itself are masked.',
  all: 'Secrets that were recognised are masked.',
  none: 'Nothing is masked in this file.',
} as const;

/** How a call's input reads best: a command, a change of a file, else JSON. `hint` tells two calls apart. */
export function toolWords(
  name: string,
  input: unknown,
): { hint: string; text: string; language: 'sh' | 'diff' | 'json' } {
  const field = (key: string): string | null => {
    const value = isObject(input) ? input[key] : undefined;
    return typeof value === 'string' && value !== '' ? value : null;
  };
  const path = field('file_path') ?? field('notebook_path') ?? field('path');
  const command = field('command');
  if (name === 'Bash' && command !== null) return { hint: oneLine(command), text: command, language: 'sh' };
  const [before, after] = [field('old_string'), field('new_string')];
  if (name === 'Edit' && path !== null && (before !== null || after !== null)) {
    const text = [...marked('-', before), ...marked('+', after)].join('\n');
    return { hint: path, text, language: 'diff' };
  }
  const content = field('content');
  if (name === 'Write' && path !== null && content !== null) {
    return { hint: path, text: marked('+', content).join('\n'), language: 'diff' };
  }
  const strings = isObject(input) ? Object.values(input).filter((value) => typeof value === 'string') : [];
  const hint = field('description') ?? path ?? strings.find((value) => value !== '') ?? '';
  return { hint: oneLine(hint), text: JSON.stringify(input ?? null, null, 2), language: 'json' };
}

const marked = (sign: string, text: string | null): string[] =>
  text === null ? [] : text.split('\n').map((line) => `${sign}${line}`);

function oneLine(text: string): string {
  const [first = ''] = text.split('\n', 1);
  return first.length > 120 ? `${first.slice(0, 119)}…` : first;
}
