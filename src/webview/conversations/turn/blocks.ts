/** Reads message content of any client and version into blocks a panel can draw. Total: odd input becomes a `json` block. */

export interface ToolCall {
  id: string;
  name: string;
  input: unknown;
}

export interface ToolResult {
  id: string;
  isError: boolean;
  content: Block[];
}

export type Block =
  | { kind: 'text'; text: string }
  | { kind: 'reminder'; text: string }
  | { kind: 'thinking'; text: string; redacted: boolean }
  | { kind: 'call'; call: ToolCall }
  | { kind: 'result'; result: ToolResult }
  | { kind: 'image'; mediaType: string; data: string | null; url: string | null }
  | { kind: 'json'; label: string; value: unknown };

export type Role = 'user' | 'assistant' | 'system';

export interface Message {
  role: Role;
  blocks: Block[];
}

type Json = Record<string, unknown>;

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function str(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/**
 * Splits a text into what was said and what the client slipped in as `<system-reminder>`. Reminders nest (one may
 * quote a file that holds another), so depth is counted; an unclosed one runs to the end.
 */
export function splitReminders(text: string): Block[] {
  const blocks: Block[] = [];
  const add = (kind: 'text' | 'reminder', part: string): void => {
    if (part.trim() !== '') blocks.push({ kind, text: part.trim() });
  };
  let depth = 0;
  let start = 0;
  for (const tag of text.matchAll(/<(\/?)system-reminder>/g)) {
    if (tag[1] === '') {
      if (depth === 0) {
        add('text', text.slice(start, tag.index));
        start = tag.index + tag[0].length;
      }
      depth++;
    } else if (depth > 0) {
      depth--;
      if (depth === 0) {
        add('reminder', text.slice(start, tag.index));
        start = tag.index + tag[0].length;
      }
    }
  }
  add(depth > 0 ? 'reminder' : 'text', text.slice(start));
  return blocks;
}

function readImage(block: Json): Block {
  const source = isObject(block['source']) ? block['source'] : {};
  return {
    kind: 'image',
    mediaType: str(source['media_type']),
    data: typeof source['data'] === 'string' ? source['data'] : null,
    url: typeof source['url'] === 'string' ? source['url'] : null,
  };
}

function readBlock(block: unknown): Block[] {
  if (typeof block === 'string') return splitReminders(block);
  if (!isObject(block)) return [{ kind: 'json', label: 'block', value: block }];
  const type = str(block['type']);
  switch (type) {
    case 'text':
      return splitReminders(str(block['text']));
    case 'thinking':
      return [{ kind: 'thinking', text: str(block['thinking']), redacted: false }];
    case 'redacted_thinking':
      return [{ kind: 'thinking', text: '', redacted: true }];
    case 'image':
      return [readImage(block)];
    case 'tool_use':
    case 'server_tool_use':
    case 'mcp_tool_use':
      return [
        { kind: 'call', call: { id: str(block['id']), name: str(block['name']), input: block['input'] } },
      ];
    case '':
      return [{ kind: 'json', label: 'block', value: block }];
    default:
      return type.endsWith('tool_result')
        ? [readResult(block)]
        : [{ kind: 'json', label: type, value: block }];
  }
}

function readResult(block: Json): Block {
  const content = block['content'];
  const blocks = isObject(content)
    ? [{ kind: 'json' as const, label: str(content['type']) || 'result', value: content }]
    : readContent(content);
  return {
    kind: 'result',
    result: { id: str(block['tool_use_id']), isError: block['is_error'] === true, content: blocks },
  };
}

/** Content of a message, a tool result or a system prompt: a string or an array of blocks. */
export function readContent(content: unknown): Block[] {
  if (content === undefined || content === null) return [];
  if (Array.isArray(content)) return content.flatMap(readBlock);
  return readBlock(content);
}

/** One entry of `messages`, or a response's message. */
export function readMessage(value: unknown): Message {
  if (!isObject(value)) return { role: 'user', blocks: [{ kind: 'json', label: 'message', value }] };
  const role = value['role'] === 'assistant' || value['role'] === 'system' ? value['role'] : 'user';
  return { role, blocks: readContent(value['content']) };
}

/** All messages of a request body; none when the body has no list of them. */
export function readMessages(body: unknown): Message[] {
  const messages = isObject(body) ? body['messages'] : undefined;
  return Array.isArray(messages) ? messages.map(readMessage) : [];
}

/** The text of a result's blocks, for terminals and file lines. */
export function textOf(blocks: readonly Block[]): string {
  return blocks.flatMap((block) => (block.kind === 'text' ? [block.text] : [])).join('\n');
}

const QUEUED = /^The user sent (?:a new message|the following message)s? while you were working:?\s*/i;

/** The user's words in a `role: system` message that carries a queued one; null for any other text. */
export function queuedText(text: string): string | null {
  const found = QUEUED.exec(text);
  return found ? text.slice(found[0].length).trim() : null;
}
