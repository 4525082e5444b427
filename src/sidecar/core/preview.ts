import { blocksOf, member, stringOf } from './json.ts';
import type { MessageFacts } from './message-facts.ts';
import { asksForSummary, forkDirective, isClientText, queuedText, workflowTask } from './wording.ts';

const LONGEST = 200;

/** `asked`: the text is what the user typed, and not the names of tools whose results the request brings. */
export interface Preview {
  text: string;
  asked: boolean;
}

/**
 * What a list shows of a turn: the new user text on one line (at most 200 characters), else the tools whose results it
 * brings, like "Read, Bash ×2"; empty when there is neither. New is what stands after the last answer; a prefilled one
 * at the very end is none.
 */
export function previewOf(messages: MessageFacts[]): Preview {
  if (asksForSummary(messages)) return { text: 'Compact the conversation', asked: true };
  const lastAnswer = messages.findLastIndex(isAnswer);
  const prefilled = lastAnswer >= 0 && lastAnswer === messages.length - 1;
  const since = prefilled ? messages.slice(0, -1).findLastIndex(isAnswer) : lastAnswer;
  const fresh = messages.slice(since + 1);
  const texts = fresh.flatMap((message) => {
    if (message.role === 'user') return message.texts.map(spoken);
    const queued = queuedText(message);
    return queued === null ? [] : [queued];
  });
  const typed = texts.find((text) => !isClientText(text));
  if (typed !== undefined) return { text: oneLine(typed), asked: true };
  const results = toolResults(fresh, messages.slice(0, since + 1));
  if (results !== '') return { text: results, asked: false };
  const client = oneLine(texts.find((text) => text.includes('<command-name>')) ?? texts[0] ?? '');
  return { text: client, asked: client !== '' };
}

/**
 * What Claude did in a turn, on one line: the tools it called, each with what it was called for ("Read upload.test.ts,
 * Agent ×2"), else the beginning of its text; empty for an answer with neither.
 */
export function answerPreviewOf(message: unknown): string {
  const blocks = blocksOf(member(message, 'content'));
  const calls = new Map<string, unknown[]>();
  for (const block of blocks) {
    const name = stringOf(member(block, 'name'));
    if (name === null || !String(member(block, 'type')).endsWith('tool_use')) continue;
    calls.set(name, [...(calls.get(name) ?? []), member(block, 'input')]);
  }
  const parts = Array.from(calls, ([name, inputs]) =>
    inputs.length === 1 ? `${name} ${purpose(inputs[0])}`.trim() : `${name} ×${String(inputs.length)}`,
  );
  if (parts.length > 0) return oneLine(parts.join(', '));
  const said = blocks.find((block) => member(block, 'type') === 'text' && member(block, 'text') !== '');
  return oneLine(plainWords(stringOf(member(said, 'text')) ?? ''));
}

/** The beginning of a Markdown text without its marks: a row of a tree shows words. */
function plainWords(markdown: string): string {
  return markdown
    .slice(0, 20 * LONGEST)
    .replace(/^\s*(?:[-*>#]+|\d+\.)\s+/, '')
    .replace(/[`*]+/g, '');
}

const SHOWN_INPUTS = ['description', 'command', 'pattern', 'query', 'url', 'skill'];

/** The one input by which a reader knows the call: a file's name, else its description, command, pattern … */
function purpose(input: unknown): string {
  for (const key of ['file_path', 'notebook_path', 'path']) {
    const path = stringOf(member(input, key));
    if (path !== null) return path.split(/[\\/]/).findLast((part) => part !== '') ?? path;
  }
  for (const key of SHOWN_INPUTS) {
    const value = stringOf(member(input, key));
    if (value !== null) return value.slice(0, 60);
  }
  return '';
}

/** A fork's directive and a workflow's task without the words around them. */
const spoken = (text: string): string => forkDirective(text) ?? workflowTask(text) ?? text;
const isAnswer = ({ role }: MessageFacts): boolean => role === 'assistant';

/** Text on one line, at most 200 characters; a slash command is shown by its name. */
function oneLine(text: string): string {
  const command = /<command-name>([^<]*)<\/command-name>/.exec(text)?.[1];
  const line = (command ?? text.slice(0, 20 * LONGEST)).replace(/\s+/g, ' ').trim();
  const characters = Array.from(line.slice(0, 2 * LONGEST + 2));
  return characters.length <= LONGEST ? line : `${characters.slice(0, LONGEST - 1).join('')}…`;
}

function toolResults(fresh: MessageFacts[], earlier: MessageFacts[]): string {
  const counts = new Map<string, number>();
  for (const id of fresh.flatMap(({ results }) => results)) {
    const name = toolName(id, earlier) ?? 'tool result';
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const parts = Array.from(counts, ([name, count]) => (count === 1 ? name : `${name} ×${String(count)}`));
  return oneLine(parts.join(', '));
}

/** Looked for from the end: the call stands in the newest answer. */
function toolName(id: string, messages: MessageFacts[]): string | undefined {
  const isIt = ([known]: [string, string]): boolean => known === id;
  return messages.findLast(({ names }) => names.some(isIt))?.names.findLast(isIt)?.[1];
}
