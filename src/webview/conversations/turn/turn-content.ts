import {
  isObject,
  readMessage,
  readMessages,
  type Block,
  type Message,
  type ToolCall,
  type ToolResult,
} from './blocks.ts';

/** A block as it is drawn: calls carry their result, results whose call stands elsewhere carry their call. */
export type Entry =
  | Exclude<Block, { kind: 'call' } | { kind: 'result' }>
  | { kind: 'tool'; call: ToolCall; result: ToolResult | null };

export interface Part {
  role: Message['role'];
  entries: Entry[];
}

/** A turn as its view shows it: what was said before (folded), what is new, and what came back. */
export interface TurnContent {
  earlier: Message[];
  fresh: Part[];
  reply: Part | null;
  calls: Map<string, ToolCall>;
  error: { type: string; message: string } | null;
}

/**
 * Index of the first message that is new in this turn. `parentCount`: how many messages the parent's request had; its
 * answer follows them. Without a parent, or when the client rewrote its history, new is what follows the last answer.
 */
export function firstFresh(messages: readonly Message[], parentCount: number | null): number {
  if (parentCount !== null && parentCount > 0 && parentCount < messages.length) {
    const start = messages[parentCount]?.role === 'assistant' ? parentCount + 1 : parentCount;
    if (start < messages.length) return start;
  }
  for (let index = messages.length - 1; index >= 0; index--) {
    // A trailing assistant message is a prefill: it belongs to what is new.
    if (messages[index]?.role === 'assistant' && index < messages.length - 1) return index + 1;
  }
  return 0;
}

function blocksOf(messages: Iterable<Message>): Block[] {
  return [...messages].flatMap((message) => message.blocks);
}

function indexCalls(messages: Iterable<Message>, calls = new Map<string, ToolCall>()): Map<string, ToolCall> {
  for (const block of blocksOf(messages)) {
    if (block.kind === 'call' && block.call.id !== '' && !calls.has(block.call.id)) {
      calls.set(block.call.id, block.call);
    }
  }
  return calls;
}

/** Results by tool id, the first of each. */
function indexResults(messages: Iterable<Message>): Map<string, ToolResult> {
  const results = new Map<string, ToolResult>();
  for (const block of blocksOf(messages)) {
    if (block.kind === 'result' && !results.has(block.result.id)) results.set(block.result.id, block.result);
  }
  return results;
}

/**
 * Pairs calls with results. A call stands where it was made, with its result when that is known; a result stands
 * alone only where its call is not among `messages`. Every tool id is drawn once (old clients send them twice).
 */
function pairTools(
  messages: readonly Message[],
  calls: ReadonlyMap<string, ToolCall>,
  results: ReadonlyMap<string, ToolResult>,
): Part[] {
  const own = indexCalls(messages);
  const drawn = new Set<string>();
  const once = (id: string): boolean => {
    if (id !== '' && drawn.has(id)) return false;
    drawn.add(id);
    return true;
  };
  return messages
    .map(({ role, blocks }): Part => ({
      role,
      entries: blocks.flatMap((block): Entry[] => {
        if (block.kind === 'call') {
          return once(block.call.id)
            ? [{ kind: 'tool', call: block.call, result: results.get(block.call.id) ?? null }]
            : [];
        }
        if (block.kind !== 'result') return [block];
        const { id } = block.result;
        if (own.has(id) || !once(id)) return [];
        const call = calls.get(id) ?? { id, name: 'tool', input: undefined };
        return [{ kind: 'tool', call, result: block.result }];
      }),
    }))
    .filter((part) => part.entries.length > 0);
}

function readError(body: unknown): TurnContent['error'] {
  const error = isObject(body) && isObject(body['error']) ? body['error'] : null;
  if (!error) return null;
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  return { type: text(error['type']) || 'error', message: text(error['message']) };
}

/** Reads a turn. `nextBody`: the request after it, whose tool results answer this reply's calls. */
export function readTurn(options: {
  requestBody: unknown;
  responseBody: unknown;
  parentCount: number | null;
  nextBody?: unknown;
}): TurnContent {
  const messages = readMessages(options.requestBody);
  const start = firstFresh(messages, options.parentCount);
  const calls = indexCalls(messages);
  const hasReply = isObject(options.responseBody) && Array.isArray(options.responseBody['content']);
  const reply = hasReply ? readMessage(options.responseBody) : null;
  if (reply) indexCalls([reply], calls);
  const later = indexResults(readMessages(options.nextBody));
  const replyPart = reply ? (pairTools([{ ...reply, role: 'assistant' }], calls, later)[0] ?? null) : null;
  return {
    earlier: messages.slice(0, start),
    fresh: pairTools(messages.slice(start), calls, indexResults(messages.slice(start))),
    reply: replyPart,
    calls,
    error: readError(options.responseBody),
  };
}

/** The newest `count` of the earlier messages, paired among the whole history. */
export function readEarlier(content: TurnContent, count: number): Part[] {
  const from = Math.max(0, content.earlier.length - count);
  return pairTools(content.earlier.slice(from), content.calls, indexResults(content.earlier));
}
