import { editBytes, findEdits, withoutOverlaps, type BodyPolicy, type Edit } from './redact-edits.ts';
import { listed } from './redact-body.ts';
import type { Redaction } from './redact.ts';
import { parseJson } from './json.ts';
import { isAt, QUOTE, scanObject, skipSpace, skipValue } from './scan.ts';

/**
 * A Messages event stream without what the policy masks. The model says a secret in several deltas (`"sk-an"`,
 * `"t-api03-…"`): each string of a block is put together, and of every delta the part that belongs to the secret is
 * replaced, so that the deltas together show the mask. Events and all other bytes stay. Never throws.
 */
export function redactStream(
  body: Buffer,
  policy: BodyPolicy,
  where: string,
): { body: Buffer; edits: Edit[]; redactions: Redaction[] } {
  if (policy.mode === 'none') return { body, edits: [], redactions: [] };
  const text = body.toString('latin1');
  const { strings, pieces } = readDeltas(body);
  const edits: Edit[] = [];
  const noted: Redaction[] = [];
  for (const string of strings) {
    const found = editsOf(text, string, policy);
    edits.push(...inPieces(found, string.pieces));
    const path = `${where}.content[${String(string.block)}].${string.name}`;
    for (const { kind } of found) noted.push({ path, kind });
  }
  let next = 0;
  for (const edit of findEdits(text, policy, body)) {
    while (next < pieces.length && pieces[next]!.to <= edit.from) next++;
    const piece = pieces[next];
    // In a delta: found with the whole string it belongs to.
    if (piece !== undefined && piece.from <= edit.from) continue;
    edits.push(edit);
    noted.push({ path: where, kind: edit.kind });
  }
  const all = withoutOverlaps(edits);
  return { body: editBytes(body, all), edits: all, redactions: listed(noted) };
}

/** A part of a string, as bytes of the body: what stands between the quotes. */
interface Piece {
  from: number;
  to: number;
}

/** One string of a content block that arrives in pieces. */
interface DeltaString {
  block: number;
  name: string;
  pieces: Piece[];
}

/** Never said by the model in pieces, or no words at all. */
const NOT_TEXT = new Set(['type', 'signature', 'id', 'tool_use_id', 'name', 'data']);
/** Looked at first: reading a name as text costs more than comparing it. */
const COMMON = ['text', 'partial_json', 'thinking'];

/** The strings of the deltas; `pieces` are all of theirs in order of the body. */
function readDeltas(body: Buffer): { strings: DeltaString[]; pieces: Piece[] } {
  const strings: DeltaString[] = [];
  const pieces: Piece[] = [];
  const open = new Map<string, DeltaString>();
  let latest: DeltaString | null = null;
  /** The event being read; `content`: where its delta or its block begins. */
  const event = { isDelta: false, isStart: false, block: -1, content: -1 };
  const onEventMember = (keyStart: number, keyEnd: number, value: number): number => {
    const end = skipValue(body, value);
    if (isAt(body, keyStart, keyEnd, '"type"')) {
      event.isDelta = isAt(body, value, end, '"content_block_delta"');
      event.isStart = isAt(body, value, end, '"content_block_start"');
    } else if (isAt(body, keyStart, keyEnd, '"index"')) {
      event.block = Number(body.toString('latin1', value, end));
    } else if (isAt(body, keyStart, keyEnd, '"delta"') || isAt(body, keyStart, keyEnd, '"content_block"')) {
      event.content = value;
    }
    return end;
  };
  const onTextMember = (keyStart: number, keyEnd: number, value: number): number => {
    const end = skipValue(body, value);
    if (end < 0 || body[value] !== QUOTE || isAt(body, keyStart, keyEnd, '"type"')) return end;
    const name =
      COMMON.find((known) => isAt(body, keyStart + 1, keyEnd - 1, known)) ??
      body.toString('latin1', keyStart + 1, keyEnd - 1);
    if (NOT_TEXT.has(name)) return end;
    const shown = name === 'partial_json' ? 'input' : name;
    if (event.isStart || latest === null || latest.block !== event.block || latest.name !== shown) {
      latest = stringOf(shown);
    }
    const piece = { from: value + 1, to: end - 1 };
    latest.pieces.push(piece);
    pieces.push(piece);
    return end;
  };
  const stringOf = (name: string): DeltaString => {
    const key = `${String(event.block)} ${name}`;
    const known = event.isStart ? undefined : open.get(key);
    if (known !== undefined) return known;
    const string = { block: event.block, name, pieces: [] };
    open.set(key, string);
    strings.push(string);
    return string;
  };
  for (let from = 0; from < body.length;) {
    const newline = body.indexOf(0x0a, from);
    const to = newline === -1 ? body.length : newline;
    if (isAt(body, from, from + 5, 'data:')) {
      Object.assign(event, { isDelta: false, isStart: false, block: -1, content: -1 });
      scanObject(body, skipSpace(body, from + 5), onEventMember);
      // A line that is broken off could be read into the next one.
      const { isDelta, isStart, content } = event;
      if ((isDelta || isStart) && content > 0 && content < to) scanObject(body, content, onTextMember);
    }
    from = to + 1;
  }
  return { strings, pieces };
}

/** What is to be masked in a whole string, as offsets of its pieces put together. */
function editsOf(text: string, { name, pieces }: DeltaString, policy: BodyPolicy): Edit[] {
  const joined = pieces.map(({ from, to }) => text.slice(from, to)).join('');
  // Own keys have nothing to escape.
  if (policy.mode === 'own') return findEdits(joined, policy);
  if (name === 'input') {
    // JSON within JSON: a secret must not leave the string of the inner one.
    const meaning = parseJson(`"${joined}"`);
    if (typeof meaning === 'string' && findEdits(meaning, policy).length === 0) return [];
  } else if (!joined.includes(ESCAPED_CHARACTER)) return findEdits(joined, policy);
  const inner = unescaped(joined);
  const edits = findEdits(inner.text, policy);
  return edits.map((edit) => ({ ...edit, from: inner.offsets[edit.from]!, to: inner.offsets[edit.to]! }));
}

/** A pattern may allow the character and not the backslash: a pair of surrogates cut in two by a delta is written so. */
const ESCAPED_CHARACTER = '\\u';
const ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' };

/** The meaning of a JSON string's inside, with where each of its characters (and its end) comes from. */
function unescaped(raw: string): { text: string; offsets: number[] } {
  const parts: string[] = [];
  const offsets: number[] = [];
  for (let at = 0; at < raw.length;) {
    offsets.push(at);
    const next = raw[at] === '\\' ? (raw[at + 1] ?? '') : '';
    if (next === 'u') {
      parts.push(String.fromCharCode(Number.parseInt(raw.slice(at + 2, at + 6), 16)));
      at += 6;
    } else if (next !== '') {
      parts.push(ESCAPES[next] ?? next);
      at += 2;
    } else {
      parts.push(raw[at]!);
      at++;
    }
  }
  offsets.push(raw.length);
  return { text: parts.join(''), offsets };
}

/**
 * Edits of a whole string as edits of its pieces: the first piece takes the mask, or each its share of an equally long
 * one. Both are in order.
 */
function inPieces(edits: readonly Edit[], pieces: readonly Piece[]): Edit[] {
  const out: Edit[] = [];
  let index = 0;
  let start = 0;
  for (const edit of edits) {
    const equal = edit.mask.length === edit.to - edit.from;
    for (let used = 0; index < pieces.length;) {
      const piece = pieces[index]!;
      const end = start + piece.to - piece.from;
      const from = Math.max(edit.from, start);
      const to = Math.min(edit.to, end);
      if (from < to) {
        const mask = equal ? edit.mask.slice(used, used + to - from) : used === 0 ? edit.mask : '';
        used += to - from;
        out.push({ kind: edit.kind, from: piece.from + from - start, to: piece.from + to - start, mask });
      }
      if (end > edit.to) break;
      index++;
      start = end;
    }
  }
  return out;
}
