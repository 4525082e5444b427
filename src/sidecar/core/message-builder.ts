import { blocksOf, isObject, member, parseJson, stringOf, type JsonObject } from './json.ts';

/**
 * Puts the events of a Messages stream together to the message a call without streaming would have answered. Unknown
 * events are ignored, unknown blocks and deltas kept as well as can be; a stream that stops anywhere gives what it said.
 */
export class MessageBuilder {
  #message: JsonObject | null = null;
  readonly #blocks = new Map<number, OpenBlock>();
  complete = false;
  error: { type: string; message: string } | null = null;

  /** Takes one event's data. `done`: the block that this event finished. `token`: it brought content. */
  take(event: unknown): { token: boolean; done: JsonObject | null } {
    const index = member(event, 'index');
    switch (member(event, 'type')) {
      case 'message_start':
        this.#start(member(event, 'message'));
        break;
      case 'content_block_start':
        if (typeof index === 'number') this.#blocks.set(index, openBlock(member(event, 'content_block')));
        break;
      case 'content_block_delta':
        if (typeof index === 'number') this.#delta(index, member(event, 'delta'));
        return { token: true, done: null };
      case 'content_block_stop':
        return { token: false, done: typeof index === 'number' ? this.#stop(index) : null };
      case 'message_delta':
        this.#messageDelta(event);
        break;
      case 'message_stop':
        this.complete = true;
        break;
      case 'error':
        this.error = errorOf(event);
        break;
      default:
    }
    return { token: false, done: null };
  }

  /** The message so far; null when not even its start came. */
  message(): JsonObject | null {
    if (this.#message === null && this.#blocks.size === 0) return null;
    const blocks = Array.from(this.#blocks).sort(([a], [b]) => a - b);
    const message = this.#message ?? { type: 'message', role: 'assistant' };
    return { ...message, content: blocks.map(([, open]) => closed(open)) };
  }

  #start(message: unknown): void {
    if (!isObject(message) || this.#message !== null) return;
    this.#message = { ...message };
    blocksOf(message['content']).forEach((block, index) => this.#blocks.set(index, openBlock(block)));
  }

  #delta(index: number, delta: unknown): void {
    const open = this.#blocks.get(index) ?? openBlock(blockFor(delta));
    this.#blocks.set(index, open);
    addDelta(open, delta);
  }

  #stop(index: number): JsonObject | null {
    const open = this.#blocks.get(index);
    return open === undefined ? null : closed(open);
  }

  /** `delta` goes into the message, `usage` is merged (its numbers are totals), anything else stands beside them. */
  #messageDelta(event: unknown): void {
    const message = (this.#message ??= { type: 'message', role: 'assistant' });
    if (!isObject(event)) return;
    for (const [name, value] of Object.entries(event)) {
      if (name === 'type' || name === '__proto__') continue;
      if (name === 'delta') merge(message, value, false);
      else if (name === 'usage') message['usage'] = merge({ ...usageOf(message) }, value, true);
      else message[name] = value;
    }
  }
}

const usageOf = (message: JsonObject): JsonObject => (isObject(message['usage']) ? message['usage'] : {});

/** The `{type, message}` of an error body or event; null for anything else. */
export function errorOf(body: unknown): { type: string; message: string } | null {
  if (member(body, 'type') !== 'error') return null;
  const error = member(body, 'error');
  return {
    type: stringOf(member(error, 'type')) ?? 'error',
    message: stringOf(member(error, 'message')) ?? '',
  };
}

/** A block that is still being written: strings collect as parts, so that a long one costs what it is long. */
interface OpenBlock {
  block: JsonObject;
  parts: Map<string, string[]>;
  json: string[];
}

function openBlock(block: unknown): OpenBlock {
  return { block: isObject(block) ? { ...block } : { type: 'unknown' }, parts: new Map(), json: [] };
}

/** What a delta without a start belongs to. */
function blockFor(delta: unknown): JsonObject {
  const type = member(delta, 'type');
  if (type === 'thinking_delta' || type === 'signature_delta') return { type: 'thinking', thinking: '' };
  return type === 'input_json_delta' ? { type: 'tool_use', input: {} } : { type: 'text', text: '' };
}

function addDelta(open: OpenBlock, delta: unknown): void {
  if (!isObject(delta)) return;
  for (const [name, value] of Object.entries(delta)) {
    if (name === 'type' || name === '__proto__') continue;
    if (name === 'partial_json') open.json.push(stringOf(value) ?? '');
    else if (name === 'citation') open.block['citations'] = [...blocksOf(open.block['citations']), value];
    else if (name === 'signature' || typeof value !== 'string') open.block[name] = value;
    else {
      const parts = open.parts.get(name);
      if (parts === undefined) open.parts.set(name, [value]);
      else parts.push(value);
    }
  }
}

function closed(open: OpenBlock): JsonObject {
  const block = { ...open.block };
  for (const [name, parts] of open.parts) block[name] = (stringOf(block[name]) ?? '') + parts.join('');
  const json = open.json.join('');
  // A call that was cut in its input keeps the empty input it started with.
  if (json !== '') block['input'] = parseJson(json) ?? block['input'] ?? {};
  return block;
}

function merge(into: JsonObject, from: unknown, skipNull: boolean): JsonObject {
  if (!isObject(from)) return into;
  for (const [name, value] of Object.entries(from)) {
    if (name !== '__proto__' && !(skipNull && value === null)) into[name] = value;
  }
  return into;
}
