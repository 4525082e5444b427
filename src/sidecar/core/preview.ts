import { blocksOf, member, stringOf } from './json.ts';
import { asksForSummary, forkDirective, isClientText, queuedText, textsOf, workflowTask } from './wording.ts';

const LONGEST = 200;

/**
 * What a list shows of a turn: the new user text on one line (at most 200 characters), else the tools whose results it
 * brings, like "Read, Bash ×2"; empty when there is neither. New is what stands after the last answer; a prefilled one
 * at the very end is none.
 */
export function previewOf(messages: unknown[]): string {
  if (asksForSummary(messages)) return 'Compact the conversation';
  const lastAnswer = messages.findLastIndex(isAnswer);
  const prefilled = lastAnswer >= 0 && lastAnswer === messages.length - 1;
  const since = prefilled ? messages.slice(0, -1).findLastIndex(isAnswer) : lastAnswer;
  const fresh = messages.slice(since + 1);
  const texts = fresh.flatMap((message) => {
    if (isUser(message)) return textsOf(message).map(spoken);
    const queued = queuedText(message);
    return queued === null ? [] : [queued];
  });
  const typed = texts.find((text) => !isClientText(text));
  if (typed !== undefined) return oneLine(typed);
  const results = toolResults(fresh, toolNames(messages.slice(0, since + 1)));
  return results === ''
    ? oneLine(texts.find((text) => text.includes('<command-name>')) ?? texts[0] ?? '')
    : results;
}

/** A fork's directive and a workflow's task without the words around them. */
const spoken = (text: string): string => forkDirective(text) ?? workflowTask(text) ?? text;
const isUser = (message: unknown): boolean => member(message, 'role') === 'user';
const isAnswer = (message: unknown): boolean => member(message, 'role') === 'assistant';

/** Text on one line, at most 200 characters; a slash command is shown by its name. */
export function oneLine(text: string): string {
  const command = /<command-name>([^<]*)<\/command-name>/.exec(text)?.[1];
  const line = (command ?? text.slice(0, 20 * LONGEST)).replace(/\s+/g, ' ').trim();
  const characters = Array.from(line.slice(0, 2 * LONGEST + 2));
  return characters.length <= LONGEST ? line : `${characters.slice(0, LONGEST - 1).join('')}…`;
}

function toolNames(messages: unknown[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const message of messages) {
    for (const block of blocksOf(member(message, 'content'))) {
      const id = stringOf(member(block, 'id'));
      const name = stringOf(member(block, 'name'));
      if (id !== null && name !== null) names.set(id, name);
    }
  }
  return names;
}

function toolResults(messages: unknown[], names: Map<string, string>): string {
  const counts = new Map<string, number>();
  for (const message of messages) {
    for (const block of blocksOf(member(message, 'content'))) {
      if (member(block, 'type') !== 'tool_result') continue;
      const name = names.get(stringOf(member(block, 'tool_use_id')) ?? '') ?? 'tool result';
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  const parts = Array.from(counts, ([name, count]) => (count === 1 ? name : `${name} ×${String(count)}`));
  return oneLine(parts.join(', '));
}
