import { blocksOf, isObject, listOf, member, stringOf } from '../json.ts';
import { stripReminders } from '../reminders.ts';

/** A turn as it is read by people: what was new in its request, what came back, each tool call with its result. */
export interface ExportTurn {
  parts: TurnPart[];
  error: { type: string; message: string } | null;
}

export type Speaker = 'user' | 'assistant' | 'system';

export type TurnPart =
  | { kind: 'text'; role: Speaker; text: string }
  /** A reminder that the client slipped in. */
  | { kind: 'reminder'; text: string }
  /** `text` is empty where it came encrypted. */
  | { kind: 'thinking'; text: string }
  | { kind: 'image'; role: Speaker; mediaType: string; data: string | null }
  | { kind: 'tool'; id: string; name: string; input: unknown; result: ToolOutcome | null }
  /** A result whose call stands in no exported turn. */
  | { kind: 'result'; id: string; result: ToolOutcome }
  | { kind: 'other'; role: Speaker; label: string; value: unknown };

export interface ToolOutcome {
  failed: boolean;
  text: string;
  images: { mediaType: string; data: string | null }[];
}

/** What a turn is read from. */
export interface TurnSource {
  requestBody: unknown;
  responseBody: unknown;
  /**
   * How many of the request's messages were in the one before it; null: all of them are new. Where the first messages
   * are left out of the body, without those.
   */
  known: number | null;
  /** The request after it, whose results answer this turn's calls. */
  nextBody: unknown;
}

/** Reads a turn out of bodies of any client. Total: odd input becomes `other` parts. */
export function readExportTurn({ requestBody, responseBody, known, nextBody }: TurnSource): ExportTurn {
  const messages = listOf(member(requestBody, 'messages'));
  const start = known === null ? 0 : firstNew(messages, known);
  const fresh = messages.slice(start);
  const answer = Array.isArray(member(responseBody, 'content')) ? [responseBody] : [];
  const results = resultsOf([...fresh, ...listOf(member(nextBody, 'messages'))]);
  // With what was known the call was told, and its result with it.
  const read: Reading = { results, shown: callIds(messages.slice(0, start)), goesOn: known !== null };
  const parts = [
    ...fresh.flatMap((message) => messageParts(message, roleOf(message), read)),
    ...answer.flatMap((message) => messageParts(message, 'assistant', read)),
  ];
  return { parts: once(parts), error: errorOf(responseBody) };
}

/**
 * The first message that is new. What follows the ones known is the answer to them, then the new ones; where the client
 * rewrote its history, new is what follows its last answer.
 */
function firstNew(messages: readonly unknown[], known: number): number {
  if (known >= 0 && known < messages.length) {
    const start = roleOf(messages[known]) === 'assistant' ? known + 1 : known;
    if (start < messages.length) return start;
  }
  const last = messages.slice(0, -1).findLastIndex((message) => roleOf(message) === 'assistant');
  return last + 1;
}

interface Reading {
  results: Map<string, ToolOutcome>;
  /** Calls that an earlier turn shows, with their results. */
  shown: Set<string>;
  /** There is a turn before it. */
  goesOn: boolean;
}

function messageParts(message: unknown, role: Speaker, read: Reading): TurnPart[] {
  if (!isObject(message)) return [{ kind: 'other', role, label: 'message', value: message }];
  return blocksOf(message['content']).flatMap((block) => blockParts(block, role, read));
}

function blockParts(block: unknown, role: Speaker, { results, shown, goesOn }: Reading): TurnPart[] {
  const type = stringOf(member(block, 'type')) ?? '';
  switch (type) {
    case 'text':
      return textParts(stringOf(member(block, 'text')) ?? '', role);
    case 'thinking':
      return [{ kind: 'thinking', text: stringOf(member(block, 'thinking')) ?? '' }];
    case 'redacted_thinking':
      return [{ kind: 'thinking', text: '' }];
    case 'image':
      return [{ kind: 'image', role, ...imageOf(block) }];
    case 'tool_use':
    case 'server_tool_use':
    case 'mcp_tool_use': {
      const id = stringOf(member(block, 'id')) ?? '';
      if (shown.has(id)) return [];
      const name = stringOf(member(block, 'name')) ?? '';
      return [{ kind: 'tool', id, name, input: member(block, 'input'), result: results.get(id) ?? null }];
    }
    default:
      if (!type.endsWith('tool_result')) {
        return [{ kind: 'other', role, label: type || 'block', value: block }];
      }
  }
  const id = stringOf(member(block, 'tool_use_id')) ?? '';
  return goesOn || shown.has(id) ? [] : [{ kind: 'result', id, result: outcomeOf(block) }];
}

/** What was said, and apart from it the reminders. */
function textParts(text: string, role: Speaker): TurnPart[] {
  const said = stripReminders(text);
  const parts: TurnPart[] = said.trim() === '' ? [] : [{ kind: 'text', role, text: said.trim() }];
  const reminders = said === text ? '' : remindersOf(text);
  return reminders === '' ? parts : [{ kind: 'reminder', text: reminders }, ...parts];
}

/** The reminders of a text, outermost tags included; what stands between them is said, not reminded of. */
function remindersOf(text: string): string {
  const found: string[] = [];
  let depth = 0;
  let open = 0;
  for (const tag of text.matchAll(/<(\/?)system-reminder>/g)) {
    if (tag[1] === '') {
      if (depth++ === 0) open = tag.index;
    } else if (depth > 0 && --depth === 0) found.push(text.slice(open, tag.index + tag[0].length));
  }
  return found.join('\n\n');
}

/** A call is shown once, and its result with it and not by itself. */
function once(parts: readonly TurnPart[]): TurnPart[] {
  const calls = new Set<string>();
  const withCalls = parts.filter((part) => {
    if (part.kind !== 'tool' || part.id === '') return true;
    if (calls.has(part.id)) return false;
    calls.add(part.id);
    return true;
  });
  const results = new Set(calls);
  return withCalls.filter((part) => {
    if (part.kind !== 'result') return true;
    if (results.has(part.id)) return false;
    results.add(part.id);
    return true;
  });
}

/** Ids of the tool calls of some messages. */
function callIds(messages: readonly unknown[]): Set<string> {
  const ids = messages
    .flatMap((message) => blocksOf(member(message, 'content')))
    .filter((block) => stringOf(member(block, 'type'))?.endsWith('tool_use') === true)
    .map((block) => stringOf(member(block, 'id')));
  return new Set(ids.filter((id) => id !== null));
}

/** The first result of each call. */
function resultsOf(messages: readonly unknown[]): Map<string, ToolOutcome> {
  const results = new Map<string, ToolOutcome>();
  for (const block of messages.flatMap((message) => blocksOf(member(message, 'content')))) {
    const id = stringOf(member(block, 'tool_use_id'));
    if (id !== null && !results.has(id)) results.set(id, outcomeOf(block));
  }
  return results;
}

function outcomeOf(block: unknown): ToolOutcome {
  const content = member(block, 'content');
  const blocks = isObject(content) ? [content] : blocksOf(content);
  const images = blocks.filter((one) => member(one, 'type') === 'image').map(imageOf);
  const texts = blocks
    .filter((one) => member(one, 'type') !== 'image')
    .map((one) => stringOf(member(one, 'text')) ?? JSON.stringify(one, null, 2));
  return { failed: member(block, 'is_error') === true, text: texts.join('\n'), images };
}

function imageOf(block: unknown): { mediaType: string; data: string | null } {
  const source = member(block, 'source');
  const mediaType = stringOf(member(source, 'media_type')) ?? '';
  return { mediaType, data: stringOf(member(source, 'data')) };
}

function roleOf(message: unknown): Speaker {
  const role = member(message, 'role');
  return role === 'assistant' || role === 'system' ? role : 'user';
}

function errorOf(body: unknown): ExportTurn['error'] {
  const error = member(body, 'error');
  if (!isObject(error)) return null;
  return { type: stringOf(error['type']) ?? 'error', message: stringOf(error['message']) ?? '' };
}
