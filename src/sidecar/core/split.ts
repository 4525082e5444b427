import { commonPrefix, standsAt } from './common-prefix.ts';
import {
  encodeOverlay,
  HOLES,
  isPlainText,
  TEXT_HEAD,
  type Mark,
  type MessageNotes,
  type Part,
  type SplitNotes,
  type ValueNotes,
} from './overlay.ts';
import {
  isAt,
  isEscaped,
  newSpacing,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  scanArray,
  scanObject,
  skipSpace,
  skipValue,
} from './scan.ts';

/** One link of an exact chain. `shell` opens a message (null: the open message goes on); an empty `block` is none. */
export interface ChainItem {
  shell: Buffer | null;
  block: Buffer;
}

/**
 * A request body taken apart so that equal content is stored once. `template` is the body with a hole byte for the
 * values of `messages` (01), `system` (02) and `tools` (03); a shell is a message with a hole byte (00) for its content.
 * Those bytes cannot occur in JSON. Blocks are the bytes that were sent, without their own `cache_control` member.
 */
export interface Split {
  template: Buffer;
  /** Where cache marks were, which content was a string, how arrays were spaced; null: nothing to say. */
  overlay: Buffer | null;
  messages: ChainItem[];
  system: ChainItem[];
  tools: ChainItem[];
}

/** Where a part's value stands in the body. */
interface Span {
  start: number;
  end: number;
}

/** What is kept of a split body, so that the next one is only taken apart where it differs. */
export interface Before {
  body: Buffer;
  notes: SplitNotes;
  /** null: not taken apart. */
  spans: Record<Part, Span | null>;
}

/** A fresh split. Of what was known before only the notes are in it: `messages`, `system`, `tools` are the new items. */
export interface FreshSplit extends Split, Omit<Before, 'body'> {
  /** How many messages were known; whether `system` and `tools` were. */
  known: { messages: number; system: boolean; tools: boolean };
}

const HOLE_BYTES = [Buffer.from([0]), Buffer.from([1]), Buffer.from([2]), Buffer.from([3])] as const;
const NOTHING = Buffer.alloc(0);
const TEXT_TAIL = Buffer.from('}');

interface Work extends Omit<FreshSplit, 'template' | 'overlay'> {
  b: Buffer;
  before: Before | null;
}

/**
 * Takes a JSON body apart, or null for what it cannot do (not JSON, duplicate or escaped keys where they matter,
 * messages that are not objects, uneven spacing). Linear in the body; never throws. The caller verifies
 * `rebuilds(split, body)` before it relies on it.
 *
 * `before`: messages that begin the list there too, and a `system` or `tools` value that is the same bytes, are not
 * taken apart again. Each value is compared from where it starts: what else of a body changes does not matter.
 */
export function splitBody(body: Uint8Array, before: Before | null = null): FreshSplit | null {
  const b = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const w: Work = {
    b,
    before,
    messages: [],
    system: [],
    tools: [],
    notes: {
      messages: [],
      spacing: { messages: newSpacing(), content: newSpacing() },
      system: emptyNotes(),
      tools: emptyNotes(),
    },
    spans: { messages: null, system: null, tools: null },
    known: { messages: 0, system: false, tools: false },
  };
  const pieces: Buffer[] = [];
  const seen = new Set<string>();
  let from = 0;
  const end = scanObject(b, skipSpace(b, 0), (keyStart, keyEnd, value) => {
    if (isEscaped(b, keyStart, keyEnd)) return -1;
    const name = holeName(b, keyStart, keyEnd);
    if (name === null) return skipValue(b, value);
    if (seen.has(name)) return -1;
    seen.add(name);
    const after = name === 'messages' ? takeMessages(w, value) : takeValues(w, value, name);
    if (after === null) return skipValue(b, value);
    if (after < 0) return -1;
    w.spans[name] = { start: value, end: after };
    pieces.push(b.subarray(from, value), HOLE_BYTES[HOLES[name]]);
    from = after;
    return after;
  });
  if (end < 0 || skipSpace(b, end) !== b.length) return null;
  pieces.push(b.subarray(from));
  const { messages, system, tools, notes, spans, known } = w;
  return {
    template: Buffer.concat(pieces),
    overlay: encodeOverlay(notes),
    messages,
    system,
    tools,
    notes,
    spans,
    known,
  };
}

const emptyNotes = (): ValueNotes => ({ items: 0, marks: [], isString: false, spacing: newSpacing() });

function holeName(b: Buffer, start: number, end: number): Part | null {
  if (isAt(b, start, end, '"messages"')) return 'messages';
  if (isAt(b, start, end, '"system"')) return 'system';
  return isAt(b, start, end, '"tools"') ? 'tools' : null;
}

/** `system` and `tools`: the end of the value, or null when it stays in the template (null, an object, …). */
function takeValues(w: Work, value: number, name: 'system' | 'tools'): number | null {
  const isString = name === 'system' && w.b[value] === QUOTE;
  if (w.b[value] !== OPEN_ARRAY && !isString) return null;
  const span = w.before?.spans[name] ?? null;
  // A string or an array ends where its last byte says so, whatever follows.
  if (w.before !== null && span !== null && standsAt(w.b, value, w.before.body, span.start, span.end)) {
    w.notes[name] = w.before.notes[name];
    w.known[name] = true;
    return value + span.end - span.start;
  }
  const notes = w.notes[name];
  let end: number;
  if (isString) {
    notes.isString = true;
    end = skipValue(w.b, value);
    if (end >= 0) w[name].push({ shell: null, block: textBlock(w.b.subarray(value, end)) });
  } else {
    end = scanArray(w.b, value, notes.spacing, (start) => takeBlock(w.b, start, w[name], notes.marks, 0));
  }
  notes.items = w[name].length;
  return end;
}

function takeMessages(w: Work, value: number): number {
  const resumed = knownMessages(w, value);
  const onMessage = (start: number): number => takeMessage(w, start, value);
  return scanArray(w.b, value, w.notes.spacing.messages, onMessage, resumed);
}

/** Takes over the messages that the body before begins with as well: where the last of them ends, or null. */
function knownMessages(w: Work, value: number): number | null {
  const span = w.before?.spans.messages ?? null;
  if (w.before === null || span === null) return null;
  const same = commonPrefix(w.b, value, w.before.body, span.start);
  const list = w.before.notes.messages;
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle]!.end <= same) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return null;
  w.notes.messages = list.slice(0, low);
  w.notes.spacing.content = { ...w.before.notes.spacing.content };
  w.known.messages = low;
  return value + list[low - 1]!.end;
}

function takeMessage(w: Work, start: number, value: number): number {
  const b = w.b;
  const first = w.messages.length;
  const marks: Mark[] = [];
  let contentStart = -1;
  let contentEnd = -1;
  const end = scanObject(b, start, (keyStart, keyEnd, at) => {
    if (isEscaped(b, keyStart, keyEnd)) return -1;
    if (!isAt(b, keyStart, keyEnd, '"content"')) return skipValue(b, at);
    if (contentStart >= 0) return -1;
    const after = takeContent(w, at, marks, first);
    contentStart = at;
    contentEnd = after;
    return after;
  });
  if (end < 0) return -1;
  const isString = b[contentStart] === QUOTE;
  const hole = contentStart >= 0 && (isString || b[contentStart] === OPEN_ARRAY);
  const shell = hole
    ? Buffer.concat([b.subarray(start, contentStart), HOLE_BYTES[0], b.subarray(contentEnd, end)])
    : b.subarray(start, end);
  const opening = w.messages[first];
  if (opening === undefined) w.messages.push({ shell, block: NOTHING });
  else opening.shell = shell;
  const items = w.messages.length - first;
  w.notes.messages.push({
    start: start - value,
    end: end - value,
    items,
    marks,
    plain: items === 1 && hole && isPlainText(w.messages[first]!.block) ? shell.toString('latin1') : null,
    isString,
  } satisfies MessageNotes);
  return end;
}

/** The blocks of one message; none for an empty array and for content that is neither a string nor an array. */
function takeContent(w: Work, value: number, marks: Mark[], first: number): number {
  if (w.b[value] === OPEN_ARRAY) {
    return scanArray(w.b, value, w.notes.spacing.content, (start) =>
      takeBlock(w.b, start, w.messages, marks, first),
    );
  }
  const end = skipValue(w.b, value);
  if (end < 0 || w.b[value] !== QUOTE) return end;
  w.messages.push({ shell: null, block: textBlock(w.b.subarray(value, end)) });
  return end;
}

const textBlock = (string: Buffer): Buffer => Buffer.concat([TEXT_HEAD, string, TEXT_TAIL]);

/** One array item. Its own `cache_control` member (if there is exactly one) is cut out and noted. */
function takeBlock(b: Buffer, start: number, into: ChainItem[], marks: Mark[], first: number): number {
  if (b[start] !== OPEN_OBJECT) {
    const end = skipValue(b, start);
    if (end >= 0) into.push({ shell: null, block: b.subarray(start, end) });
    return end;
  }
  let found = 0;
  let members = 0;
  let position = 0;
  let cutFrom = 0;
  let cutTo = 0;
  const end = scanObject(b, start, (keyStart, keyEnd, value, previousEnd) => {
    if (found === 1 && position === 0 && members === 1) cutTo = b.indexOf(0x2c, previousEnd) + 1;
    const after = skipValue(b, value);
    if (isAt(b, keyStart, keyEnd, '"cache_control"')) {
      found++;
      position = members;
      cutFrom = members === 0 ? start + 1 : previousEnd;
      cutTo = after;
    }
    members++;
    return after;
  });
  if (end < 0) return -1;
  if (found !== 1) into.push({ shell: null, block: b.subarray(start, end) });
  else {
    // A copy: what is noted of a body may be kept longer than the body.
    marks.push({ item: into.length - first, position, bytes: Buffer.from(b.subarray(cutFrom, cutTo)) });
    into.push({ shell: null, block: Buffer.concat([b.subarray(start, cutFrom), b.subarray(cutTo, end)]) });
  }
  return end;
}
