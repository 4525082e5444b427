import { hash } from 'node:crypto';
import { blocksOf, isObject, listOf, member, stringOf, type JsonObject } from './json.ts';
import { stripReminders } from './reminders.ts';

/**
 * What a content block means, whatever client version sent it and however often: the text that is hashed into the link
 * chain. null for blocks that say nothing (thinking, reminders, empty text): clients drop or move those between turns.
 * The reasons for each step are measured; see "Follow-up turns" in the notes on clients.
 */
export function normaliseBlock(block: unknown): string | null {
  if (typeof block === 'string') return textForm(block);
  if (!isObject(block)) return block === null || block === undefined ? null : canonical(block);
  switch (member(block, 'type')) {
    case 'text':
      return textForm(stringOf(member(block, 'text')) ?? '');
    case 'thinking':
    case 'redacted_thinking':
      return null;
    case 'tool_use':
    case 'server_tool_use':
    case 'mcp_tool_use':
      return canonical(pick(block, ['type', 'id', 'name', 'input']));
    case 'tool_result':
      return toolResultForm(block);
    case 'image':
    case 'document':
      return mediaForm(block);
    default:
      return canonical(block);
  }
}

/** Text without reminders, with LF and no outer white space; null when nothing is left. */
export function normaliseText(text: string): string | null {
  let out = text;
  // What stood around a reminder may be one itself.
  for (let last = ''; out !== last && out.includes('<system-reminder>');) {
    last = out;
    out = stripReminders(out);
  }
  if (out.includes('\r')) out = out.replace(/\r+\n/g, '\n');
  out = out.trim();
  return out === '' ? null : out;
}

/** The id that pairs a tool call with its result, with which of the two it is. */
export function toolKey(block: unknown): string | null {
  const type = member(block, 'type');
  if (type === 'tool_use') return key('call', member(block, 'id'));
  return type === 'tool_result' ? key('result', member(block, 'tool_use_id')) : null;
}

const key = (kind: string, id: unknown): string | null => (typeof id === 'string' ? `${kind} ${id}` : null);

const textForm = (text: string): string | null => {
  const normal = normaliseText(text);
  return normal === null ? null : `text\n${normal}`;
};

function toolResultForm(block: JsonObject): string {
  const content = blocksOf(member(block, 'content'))
    .map(normaliseBlock)
    .filter((form) => form !== null);
  const failed = member(block, 'is_error') === true ? 'failed' : 'ok';
  return `tool_result\n${canonical(member(block, 'tool_use_id'))} ${failed}\n${content.join('\n\0')}`;
}

/** Images and documents by the hash of their data, so that megabytes are not canonicalised. */
function mediaForm(block: JsonObject): string {
  const source = member(block, 'source');
  const data = stringOf(member(source, 'data'));
  const type = canonical(member(block, 'type'));
  if (data === null) return `${type}\n${canonical(source)}`;
  return `${type}\n${hash('sha256', data, 'hex')}`;
}

function pick(block: JsonObject, names: string[]): JsonObject {
  return Object.fromEntries(names.map((name) => [name, member(block, name) ?? null]));
}

const DEEPEST = 200;

/** JSON with sorted keys and without `cache_control`; below 200 levels everything looks alike. */
export function canonical(value: unknown, depth = 0): string {
  if (depth > DEEPEST) return '"…"';
  if (Array.isArray(value)) {
    return `[${listOf(value)
      .map((item) => canonical(item, depth + 1))
      .join(',')}]`;
  }
  if (isObject(value)) {
    const members = Object.keys(value)
      .filter((name) => name !== 'cache_control')
      .sort()
      .map((name) => `${JSON.stringify(name)}:${canonical(value[name], depth + 1)}`);
    return `{${members.join(',')}}`;
  }
  return value === undefined ? 'null' : JSON.stringify(value);
}
