import { isObject, member, type JsonObject } from './json.ts';

/**
 * A frame is the text of an event (or of a JSON body) without what differs from response to response: each of these
 * stands in it as a hole. Responses of one model and one sort share their frames. The bytes cannot occur in JSON.
 */
export const Hole = {
  /** The next piece of a block's field; the frame's text says which one (`"text":`). A JSON string with its quotes. */
  piece: '\x01',
  number: '\x02',
  /** The inside of a JSON string that looks like an id or a time. */
  literal: '\x03',
  /** The JSON of the current block's `id`, of its `name`, of the whole block. */
  id: '\x04',
  name: '\x05',
  block: '\x06',
  /** Spaces before the last brace: the API pads its events so that their sizes say less. */
  pad: '\x07',
  /** The number of the block that becomes the current one. */
  index: '\x08',
  /** The next of the current block's citations. */
  citation: '\x0e',
  /** All blocks as an array. */
  content: '\x0f',
} as const;
export type Hole = (typeof Hole)[keyof typeof Hole];

/** What separates frames in a shape. */
export const FRAME_END = '\0';

/** True when the text holds a byte that would read as a hole. */
export const hasHoleBytes = (text: string): boolean => /[\0-\x08\x0e\x0f]/.test(text);

/** The values of a frame's holes, in order; a piece is its JSON and what that means. */
export type Filling = number | string | { json: string; value: string };

export interface Framed {
  frame: string;
  filling: Filling[];
}

/** A frame taken apart once: the text before each hole, the name of the JSON member it is the value of. */
export interface FramePart {
  before: string;
  hole: Hole | null;
  member: string;
}

export function partsOf(frame: string): FramePart[] {
  const parts: FramePart[] = [];
  let from = 0;
  for (const { index, 0: hole } of frame.matchAll(/[\x01-\x08\x0e\x0f]/g)) {
    const before = frame.slice(from, index);
    parts.push({ before, hole: hole as Hole, member: /"([^"\\]*)"\s*:\s*"?$/.exec(before)?.[1] ?? '' });
    from = index + 1;
  }
  parts.push({ before: frame.slice(from), hole: null, member: '' });
  return parts;
}

/** Longer texts keep their values: looking for them would cost more than the little they take. */
const LONGEST = 256 * 1024;
const TOKENS = /"([^"\\]*(?:\\.[^"\\]*)*)"(\s*:)?|-?\d[0-9.eE+-]*/g;
const LARGEST = 2 ** 52;

/** The frame of one event whose data is the JSON text `json`. `block`: the whole block it belongs to, if any. */
export function frameEvent(
  before: string,
  json: string,
  after: string,
  event: unknown,
  block: JsonObject | null,
  citation: unknown,
): Framed {
  const close = json.lastIndexOf('}');
  let open = close;
  while (json[open - 1] === ' ') open--;
  if (close < 0 || json.length > LONGEST) return { frame: before + json + after, filling: [] };
  const marked = withWholeValue(json.slice(0, open), event, block, citation);
  const { frame, filling } = frameJson(marked, block);
  return {
    frame: `${before}${frame}${Hole.pad}${json.slice(close)}${after}`,
    filling: [...filling, close - open],
  };
}

/** The frame of JSON text (a part of it will do): numbers, ids and times become holes. */
export function frameJson(json: string, block: JsonObject | null): Framed {
  const filling: Filling[] = [];
  if (json.length > LONGEST) return { frame: json, filling };
  let name = '';
  const id = block === null ? undefined : JSON.stringify(member(block, 'id'));
  const called = block === null ? undefined : JSON.stringify(member(block, 'name'));
  const frame = json.replace(TOKENS, (token: string, text: string | undefined, colon: string | undefined) => {
    if (colon !== undefined) {
      name = text ?? '';
      return token;
    }
    if (text === undefined) {
      const value = Number(token);
      if (!Number.isInteger(value) || value < 0 || value > LARGEST || String(value) !== token) return token;
      filling.push(value);
      return name === 'index' ? Hole.index : Hole.number;
    }
    if (name === 'id' && token === id) return Hole.id;
    if (name === 'name' && token === called) return Hole.name;
    if (!isVolatile(name, text)) return token;
    filling.push(text);
    return `"${Hole.literal}"`;
  });
  return { frame, filling };
}

const isVolatile = (name: string, text: string): boolean =>
  text !== '' && (name === 'id' || name.endsWith('_id') || looksUnique(text));

/** A date with a time, or a long word with digits and no space: an id, a hash, a token. */
export function looksUnique(text: string): boolean {
  return (
    /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text) ||
    (/^[\w.:+/=-]{20,}$/.test(text) && /\d/.test(text) && !isModel(text))
  );
}

const isModel = (text: string): boolean => text.startsWith('claude-');

/** A block that came in one piece, and a citation, are in the content as they are: they become one hole. */
function withWholeValue(json: string, event: unknown, block: JsonObject | null, citation: unknown): string {
  if (block === null) return json;
  const type = member(event, 'type');
  if (type === 'content_block_start' && isObject(member(event, 'content_block'))) {
    return replaced(json, '"content_block":', JSON.stringify(block), Hole.block);
  }
  if (citation !== undefined) {
    return replaced(json, '"citation":', JSON.stringify(citation), Hole.citation);
  }
  return json;
}

function replaced(json: string, head: string, value: string, hole: Hole): string {
  const at = json.indexOf(head + value);
  if (at < 0) return json;
  return json.slice(0, at + head.length) + hole + json.slice(at + head.length + value.length);
}
