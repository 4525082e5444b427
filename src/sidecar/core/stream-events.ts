import { isObject, listOf, member, parseJson, type JsonObject } from './json.ts';
import { MessageBuilder } from './message-builder.ts';
import { Hole } from './stream-frames.ts';

/** One event of a stream as text: a delta with one piece of text, other JSON data, or anything else. */
export type StreamEvent =
  | { kind: 'delta'; line: DeltaLine; json: string; value: string; pad: number }
  | DataEvent
  | { kind: 'text'; text: string };

interface DataEvent {
  kind: 'data';
  before: string;
  json: string;
  after: string;
  event: unknown;
  /** The block it starts or adds to. */
  index: number | null;
}

/** What the deltas of one field of one block have in common: the text around the piece and around the padding. */
interface DeltaLine {
  head: string;
  middle: string;
  tail: string;
  index: number;
  type: string;
  field: string;
  frame: string;
  /** Whether the frame has a hole for the block's number. */
  numbered: boolean;
}

interface StreamRead {
  events: StreamEvent[];
  /** The blocks of the message the stream makes, the one with index n at place n. */
  blocks: JsonObject[];
  /** The `partial_json` of each block as it was streamed. */
  inputs: Map<number, string>;
  /** What follows the last whole event. */
  rest: string;
}

/** Where an event ends: after an empty line. */
const EMPTY_LINE = /\r?\n\r?\n/g;
const DATA = /^((?:.*\n)?data: ?)(.*?)(\r?\n\r?\n)$/s;
const INDEX = /"index":\s*(\d+)/;

/**
 * Reads the whole events of `text`. null when the blocks are not numbered from 0 on without a gap:
 * then they cannot be told apart by their place.
 */
export function readEvents(text: string): StreamRead | null {
  const builder = new MessageBuilder();
  const events: StreamEvent[] = [];
  const inputs = new Map<number, string[]>();
  let line: DeltaLine | null = null;
  let highest = -1;
  let from = 0;
  const plain = !text.includes('\r');
  for (let to = eventEnd(text, 0, plain); to > 0; to = eventEnd(text, from, plain)) {
    const raw = text.slice(from, to);
    from = to;
    const event: StreamEvent = (line === null ? null : sameDelta(raw, line)) ?? readEvent(raw);
    events.push(event);
    if (event.kind === 'text') continue;
    if (event.kind === 'data') {
      builder.take(event.event);
      highest = Math.max(highest, event.index ?? -1, listOf(startContent(event.event)).length - 1);
      continue;
    }
    line = event.line;
    const { index, type, field }: DeltaLine = event.line;
    builder.take({ type: 'content_block_delta', index, delta: { type, [field]: event.value } });
    highest = Math.max(highest, index);
    if (field !== 'partial_json') continue;
    const parts = inputs.get(index);
    if (parts === undefined) inputs.set(index, [event.value]);
    else parts.push(event.value);
  }
  const blocks = listOf(member(builder.message(), 'content')).filter(isObject);
  if (blocks.length !== highest + 1) return null;
  const joined = Array.from(inputs, ([index, parts]) => [index, parts.join('')] as const);
  return { events, blocks, inputs: new Map(joined), rest: text.slice(from) };
}

/** Where the event that starts at `from` ends; 0 when it does not. */
function eventEnd(text: string, from: number, plain: boolean): number {
  if (plain) {
    const at = text.indexOf('\n\n', from);
    return at < 0 ? 0 : at + 2;
  }
  EMPTY_LINE.lastIndex = from;
  return EMPTY_LINE.test(text) ? EMPTY_LINE.lastIndex : 0;
}

const startContent = (event: unknown): unknown => member(member(event, 'message'), 'content');

/** The next delta of the same field, without parsing all of it: nearly every event of a stream. */
function sameDelta(raw: string, line: DeltaLine): StreamEvent | null {
  const { head, middle, tail } = line;
  if (!raw.startsWith(head) || raw[head.length] !== '"') return null;
  const end = stringEnd(raw, head.length);
  const padEnd = raw.length - tail.length;
  const padStart = end + middle.length;
  if (end < 0 || padEnd < padStart || !raw.startsWith(middle, end) || !raw.endsWith(tail)) return null;
  for (let at = padStart; at < padEnd; at++) if (raw[at] !== ' ') return null;
  const json = raw.slice(head.length, end);
  const value = json.includes('\\') ? parseJson(json) : json.slice(1, -1);
  return typeof value === 'string' ? { kind: 'delta', line, json, value, pad: padEnd - padStart } : null;
}

function readEvent(raw: string): StreamEvent {
  const match = DATA.exec(raw);
  if (match === null) return { kind: 'text', text: raw };
  const [, before = '', json = '', after = ''] = match;
  const event = parseJson(json);
  if (!isObject(event)) return { kind: 'text', text: raw };
  const index = event['index'];
  const known =
    member(event, 'type') === 'content_block_start' || member(event, 'type') === 'content_block_delta';
  const data: DataEvent = {
    kind: 'data',
    before,
    json,
    after,
    event,
    index: known && typeof index === 'number' ? index : null,
  };
  return asDelta(data) ?? data;
}

/** An event as a delta, when it is one of a single text field. */
function asDelta({ before, json, after, event, index }: DataEvent): StreamEvent | null {
  const delta = member(event, 'delta');
  if (member(event, 'type') !== 'content_block_delta' || index === null || !isObject(delta)) return null;
  const [field, more] = Object.keys(delta).filter((name) => name !== 'type');
  const value = field === undefined ? undefined : delta[field];
  const type = delta['type'];
  if (field === undefined || more !== undefined) return null;
  if (typeof value !== 'string' || typeof type !== 'string') return null;
  const name = `${JSON.stringify(field)}:`;
  const start = json.indexOf(name, json.indexOf('"delta"')) + name.length;
  if (start < name.length || json[start] !== '"') return null;
  const end = stringEnd(json, start);
  if (end < 0 || parseJson(json.slice(start, end)) !== value) return null;
  const head = before + json.slice(0, start);
  const rest = json.slice(end);
  const close = rest.lastIndexOf('}');
  let open = close;
  while (rest[open - 1] === ' ') open--;
  if (close < 0) return null;
  const middle = rest.slice(0, open);
  const tail = rest.slice(close) + after;
  const placed = head.replace(INDEX, (found, digits: string) =>
    digits === String(index) ? found.slice(0, -digits.length) + Hole.index : found,
  );
  const frame = placed + Hole.piece + middle + Hole.pad + tail;
  return {
    kind: 'delta',
    line: { head, middle, tail, index, type, field, frame, numbered: placed !== head },
    json: json.slice(start, end),
    value,
    pad: close - open,
  };
}

/** The place after the JSON string whose opening quote is at `start`; -1 when it does not end. */
export function stringEnd(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text[at - 1 - slashes] === '\\') slashes++;
    if (slashes % 2 === 0) return at + 1;
  }
  return -1;
}
