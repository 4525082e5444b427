import { blocksOf, isObject, listOf, member, stringOf, type JsonObject } from './json.ts';
import { isBilling } from './normalise.ts';

/**
 * A request's body in the form in which it is compared: without cache marks, members in order of their names, strings
 * as blocks of text. Claude Code's billing block is left out: it differs in every request of some versions, and nobody
 * looks for that difference.
 */
export interface ComparableRequest {
  /** All other members, by name. */
  parameters: JsonObject;
  tools: unknown[];
  system: unknown[];
  /** Blocks of all messages, each with its message. */
  blocks: { message: number; role: string; block: unknown }[];
}

export function comparableRequest(body: unknown): ComparableRequest {
  const { messages, system, tools, ...parameters } = isObject(body) ? body : {};
  return {
    parameters: ordered(parameters) as JsonObject,
    tools: listOf(tools).map((tool) => ordered(tool)),
    system: blocksOf(system)
      .filter((block) => !isBilling(block))
      .map((block) => ordered(block)),
    blocks: listOf(messages).flatMap((message, index) => {
      const role = stringOf(member(message, 'role')) ?? '';
      return blocksOf(member(message, 'content')).map((block) => ({
        message: index,
        role,
        block: ordered(withBlocks(block)),
      }));
    }),
  };
}

/** A body that is no JSON object stays what it is. */
export function comparableText(body: unknown): string {
  if (!isObject(body)) return typeof body === 'string' ? body : `${JSON.stringify(body, null, 2)}\n`;
  const { parameters, tools, system, blocks } = comparableRequest(body);
  const messages = [...Map.groupBy(blocks, ({ message }) => message).values()].map((own) => ({
    role: own[0]!.role,
    content: own.map(({ block }) => block),
  }));
  const whole = { ...parameters, tools, system, messages };
  return `${JSON.stringify(inLines(whole), null, 2)}\n`;
}

/** The content of a tool result may be a string too. */
function withBlocks(block: unknown): unknown {
  if (!isObject(block) || typeof block['content'] !== 'string') return block;
  return { ...block, content: blocksOf(block['content']) };
}

const DEEPEST = 200;

/** Members by name, without `cache_control`. */
function ordered(value: unknown, level = 0): unknown {
  if (level > DEEPEST) return '…';
  if (Array.isArray(value)) return value.map((item) => ordered(item, level + 1));
  if (!isObject(value)) return value;
  const members = Object.keys(value)
    .filter((name) => name !== 'cache_control')
    .sort()
    .map((name) => [name, ordered(value[name], level + 1)]);
  return Object.fromEntries(members) as JsonObject;
}

/** Texts of several lines as lists of lines: a diff editor compares lines, and one of 10 KB says nothing. */
function inLines(value: unknown): unknown {
  if (typeof value === 'string') return value.includes('\n') ? value.split('\n') : value;
  if (Array.isArray(value)) return value.map(inLines);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, inLines(item)]));
}
