import { encodeOverlay, HOLES, TEXT_HEAD, type Mark, type SplitNotes } from './overlay.ts';
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

const HOLE_BYTES = [Buffer.from([0]), Buffer.from([1]), Buffer.from([2]), Buffer.from([3])] as const;
const TEXT_TAIL = Buffer.from('}');

interface Work extends SplitNotes {
  b: Buffer;
}

/**
 * Takes a JSON body apart, or null for what it cannot do (not JSON, duplicate or escaped keys where they matter,
 * messages that are not objects, uneven spacing). Linear in the body; never throws. The caller verifies
 * `joinBody(split)` against the body before it relies on it.
 */
export function splitBody(body: Uint8Array): Split | null {
  const b = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const w: Work = {
    b,
    messages: [],
    system: [],
    tools: [],
    marks: { messages: [], system: [], tools: [] },
    strings: [],
    systemString: false,
    spacing: { messages: newSpacing(), content: newSpacing(), system: newSpacing(), tools: newSpacing() },
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
    pieces.push(b.subarray(from, value), HOLE_BYTES[HOLES[name]]);
    from = after;
    return after;
  });
  if (end < 0 || skipSpace(b, end) !== b.length) return null;
  pieces.push(b.subarray(from));
  const { messages, system, tools } = w;
  return { template: Buffer.concat(pieces), overlay: encodeOverlay(w), messages, system, tools };
}

function holeName(b: Buffer, start: number, end: number): keyof typeof HOLES | null {
  if (isAt(b, start, end, '"messages"')) return 'messages';
  if (isAt(b, start, end, '"system"')) return 'system';
  return isAt(b, start, end, '"tools"') ? 'tools' : null;
}

/** `system` and `tools`: the end of the value, or null when it stays in the template (null, an object, …). */
function takeValues(w: Work, value: number, name: 'system' | 'tools'): number | null {
  if (w.b[value] === OPEN_ARRAY) {
    return scanArray(w.b, value, w.spacing[name], (start) =>
      takeBlock(w, start, null, w[name], w.marks[name]),
    );
  }
  if (name === 'tools' || w.b[value] !== QUOTE) return null;
  const end = skipValue(w.b, value);
  if (end < 0) return -1;
  w.system.push({ shell: null, block: textBlock(w.b.subarray(value, end)) });
  w.systemString = true;
  return end;
}

function takeMessages(w: Work, value: number): number {
  return scanArray(w.b, value, w.spacing.messages, (start) => takeMessage(w, start));
}

function takeMessage(w: Work, start: number): number {
  const b = w.b;
  const first = w.messages.length;
  let contentStart = -1;
  let contentEnd = -1;
  const end = scanObject(b, start, (keyStart, keyEnd, value) => {
    if (isEscaped(b, keyStart, keyEnd)) return -1;
    if (!isAt(b, keyStart, keyEnd, '"content"')) return skipValue(b, value);
    if (contentStart >= 0) return -1;
    const after = takeContent(w, value);
    contentStart = value;
    contentEnd = after;
    return after;
  });
  if (end < 0) return -1;
  const hole = contentStart >= 0 && (b[contentStart] === QUOTE || b[contentStart] === OPEN_ARRAY);
  const shell = hole
    ? Buffer.concat([b.subarray(start, contentStart), HOLE_BYTES[0], b.subarray(contentEnd, end)])
    : b.subarray(start, end);
  const opening = w.messages[first];
  if (opening === undefined) w.messages.push({ shell, block: Buffer.alloc(0) });
  else opening.shell = shell;
  return end;
}

/** The blocks of one message; none for an empty array and for content that is neither a string nor an array. */
function takeContent(w: Work, value: number): number {
  if (w.b[value] === OPEN_ARRAY) {
    return scanArray(w.b, value, w.spacing.content, (start) =>
      takeBlock(w, start, null, w.messages, w.marks.messages),
    );
  }
  const end = skipValue(w.b, value);
  if (end < 0 || w.b[value] !== QUOTE) return end;
  w.strings.push(w.messages.length);
  w.messages.push({ shell: null, block: textBlock(w.b.subarray(value, end)) });
  return end;
}

const textBlock = (string: Buffer): Buffer => Buffer.concat([TEXT_HEAD, string, TEXT_TAIL]);

/** One array item. Its own `cache_control` member (if there is exactly one) is cut out and noted. */
function takeBlock(w: Work, start: number, shell: Buffer | null, into: ChainItem[], marks: Mark[]): number {
  const b = w.b;
  if (b[start] !== OPEN_OBJECT) {
    const end = skipValue(b, start);
    if (end >= 0) into.push({ shell, block: b.subarray(start, end) });
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
  if (found !== 1) into.push({ shell, block: b.subarray(start, end) });
  else {
    marks.push({ item: into.length, position, bytes: b.subarray(cutFrom, cutTo) });
    into.push({ shell, block: Buffer.concat([b.subarray(start, cutFrom), b.subarray(cutTo, end)]) });
  }
  return end;
}
