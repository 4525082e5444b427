import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { codeCuts, type Cut } from './cuts.ts';
import { listOf, member, stringOf } from './json.ts';
import type { NumberCoder } from './number-coder.ts';
import { PieceSource } from './piece-source.ts';
import { stringEnd } from './stream-events.ts';
import { FRAME_END, Hole, partsOf, type Filling, type Framed, type FramePart } from './stream-frames.ts';

/** Number contexts, apart from those of `cuts.ts` and `piece-source.ts`. */
const Context = { frame: 0, pad: 1, style: 2, index: 3, value: 4, input: 5, count: 6 } as const;

/** How a piece stands in the stream: as `JSON.stringify` writes it, with \u for all that is not ASCII, or in full. */
const PieceStyle = { plain: 0, ascii: 1, literal: 2 } as const;
/** The same for a tool's whole input: compact, with a space after each comma and colon, or in full. */
const InputStyle = { compact: 0, spaced: 1, literal: 2 } as const;

const NOTHING = Buffer.alloc(0);
/** Whoever sends more has its response kept raw. */
const MOST_SPACES = 4096;
const NO_FILLING: Filling[] = [];
const NO_PIECE = { json: '', value: '' };

/** A block of the response's message: the JSON that is stored, and what it says. */
export interface ContentBlock {
  json: string;
  value: unknown;
}

/** The frames of one response: known ones when reading, collected in order of appearance when writing. */
export class FrameList {
  readonly #numbers = new Map<string, number>();
  readonly #parts: FramePart[][] = [];

  constructor(shape?: string) {
    if (shape !== undefined) for (const frame of shape.split(FRAME_END)) this.numberOf(frame);
  }

  numberOf(frame: string): number {
    const known = this.#numbers.get(frame);
    if (known !== undefined) return known;
    this.#parts.push(partsOf(frame));
    this.#numbers.set(frame, this.#parts.length - 1);
    return this.#parts.length - 1;
  }

  partsOf(number: number): FramePart[] {
    return this.#parts[number] ?? [];
  }

  shape(): string {
    return [...this.#numbers.keys()].join(FRAME_END);
  }
}

/**
 * Writes or reads events one after the other, by the kind of its coder: `code` writes what fills a frame's holes, or reads it,
 * and gives the event's text back either way. What the content already says is not written: of a delta only how much of
 * its block it carries.
 */
export class EventCodec {
  readonly #coder: NumberCoder;
  readonly #frames: FrameList;
  readonly #blocks: ContentBlock[];
  readonly #inputs: Map<number, string>;
  /** What the pieces of a field are cut from, and how much of it was. By block and field. */
  readonly #sources = new Map<string, PieceSource>();
  readonly #citations = new Map<number, number>();
  /** The last number of each member's name: a stream says its token counts twice. */
  readonly #numbers = new Map<string, number>();
  #filling: Filling[] = NO_FILLING;
  #filled = 0;
  #frame = -1;
  #newest = -1;
  #index = 0;
  #highest = -1;

  /** `inputs`: the input of each tool call as it was streamed; only for writing. */
  constructor(
    coder: NumberCoder,
    frames: FrameList,
    blocks: ContentBlock[],
    inputs = new Map<number, string>(),
  ) {
    this.#coder = coder;
    this.#frames = frames;
    this.#blocks = blocks;
    this.#inputs = inputs;
  }

  code(framed: Framed | null): string {
    const parts = this.#frames.partsOf(this.#codeFrame(framed));
    this.#filling = framed?.filling ?? NO_FILLING;
    this.#filled = 0;
    let out = '';
    for (const { before, hole, member: name } of parts) {
      out += before;
      if (hole !== null) out += this.#codeHole(hole, name);
    }
    return out;
  }

  /** The citation that an event of this block would bring next. */
  nextCitation(index: number): unknown {
    return listOf(member(this.#blocks[index]?.value, 'citations'))[this.#citations.get(index) ?? 0];
  }

  /** The same frame again: 0; one not seen before: 1; else 2 and its number. */
  #codeFrame(framed: Framed | null): number {
    const wanted = framed === null ? 0 : this.#frames.numberOf(framed.frame);
    const said = wanted === this.#frame ? 0 : wanted === this.#newest + 1 ? 1 : wanted + 2;
    const code = this.#coder.number(Context.frame, said);
    if (code === 1) this.#frame = ++this.#newest;
    else if (code > 1) this.#frame = code - 2;
    return this.#frame;
  }

  #codeHole(hole: Hole, name: string): string {
    switch (hole) {
      case Hole.piece:
        return this.#codePiece(name, this.#next());
      case Hole.number:
        return String(this.#codeNumber(name, this.#next()));
      case Hole.literal:
        return this.#codeText(this.#next());
      case Hole.pad:
        return ' '.repeat(Math.min(MOST_SPACES, this.#coder.number(Context.pad, asNumber(this.#next()))));
      case Hole.index:
        return String(this.#codeIndex(asNumber(this.#next())));
      case Hole.id:
      case Hole.name:
        return jsonOf(member(this.#value(), hole === Hole.id ? 'id' : 'name'));
      case Hole.block:
        return this.#blocks[this.#index]?.json ?? '';
      case Hole.content:
        return `[${this.#blocks.map((block) => block.json).join(',')}]`;
      case Hole.citation: {
        const citation = this.nextCitation(this.#index);
        this.#citations.set(this.#index, (this.#citations.get(this.#index) ?? 0) + 1);
        return jsonOf(citation);
      }
    }
  }

  /** What fills the next hole; undefined when reading. */
  #next(): Filling | undefined {
    return this.#filling[this.#filled++];
  }

  #value(): unknown {
    return this.#blocks[this.#index]?.value;
  }

  #codePiece(field: string, filling: Filling | undefined): string {
    const source = this.#sourceOf(field);
    const { json, value } = typeof filling === 'object' ? filling : NO_PIECE;
    const fits = source.startsWith(value);
    const style = this.#coder.number(Context.style, styleOf(json, value, fits));
    const piece = source.cut(this.#coder, fits ? value.length : 0);
    if (style === PieceStyle.literal) return this.#codeText(json);
    return style === PieceStyle.plain ? JSON.stringify(piece) : asciiJson(piece);
  }

  #sourceOf(field: string): PieceSource {
    const key = `${String(this.#index)} ${field}`;
    const known = this.#sources.get(key);
    if (known !== undefined) return known;
    const value = this.#value();
    const text = field === 'partial_json' ? this.#codeInput(value) : (stringOf(member(value, field)) ?? '');
    const source = new PieceSource(text);
    this.#sources.set(key, source);
    return source;
  }

  /** A tool's input as it was streamed. Where it was written in a way of its own, what differs from the compact form. */
  #codeInput(block: unknown): string {
    const compact = JSON.stringify(member(block, 'input') ?? {});
    const spaced = spacedJson(compact);
    const input = this.#inputs.get(this.#index) ?? '';
    const wanted =
      input === compact ? InputStyle.compact : input === spaced ? InputStyle.spaced : InputStyle.literal;
    const style = this.#coder.number(Context.input, wanted);
    if (style !== InputStyle.literal) return style === InputStyle.compact ? compact : spaced;
    const dictionary = Buffer.from(compact);
    const packed = this.#coder.bytes(deflateRawSync(input, { dictionary }));
    return inflateRawSync(packed, { dictionary }).toString();
  }

  #codeNumber(name: string, filling: Filling | undefined): number {
    const before = this.#numbers.get(name);
    const wanted = asNumber(filling);
    const code = this.#coder.number(Context.value, wanted === before ? 0 : wanted + 1);
    const value = code === 0 ? (before ?? 0) : code - 1;
    this.#numbers.set(name, value);
    return value;
  }

  /** The current block: 0; the one after the highest so far: 1; else 2 and its number. */
  #codeIndex(wanted: number): number {
    const next = this.#highest + 1;
    const code = this.#coder.number(
      Context.index,
      wanted === this.#index ? 0 : wanted === next ? 1 : wanted + 2,
    );
    if (code > 0) this.#index = code === 1 ? next : code - 2;
    this.#highest = Math.max(this.#highest, this.#index);
    return this.#index;
  }

  #codeText(filling: Filling | undefined): string {
    return this.#coder.bytes(typeof filling === 'string' ? Buffer.from(filling) : NOTHING).toString();
  }
}

/** What there is of a response besides its blocks and its shape. */
interface Streamed {
  /** How many events; when reading, any number. */
  count: number;
  /** The events themselves; only for writing. */
  framed: Iterable<Framed> | null;
  /** The bytes after the last whole event. */
  tail: Buffer;
  cuts: Cut[];
}

/** Writes a response, or reads it: its bytes and how they arrived. */
export function codeResponse(
  coder: NumberCoder,
  codec: EventCodec,
  { count, framed, tail, cuts }: Streamed,
): { bytes: Buffer; cuts: Cut[] } {
  const events = coder.number(Context.count, count);
  const given = framed === null ? null : framed[Symbol.iterator]();
  const texts: string[] = [];
  for (let index = 0; index < events && !coder.exhausted; index++) {
    texts.push(codec.code((given?.next().value as Framed | undefined) ?? null));
  }
  const text = texts.join('');
  const whole = Buffer.from(text);
  // Asking each event for its bytes is only needed where they are not its characters.
  const ascii = whole.length === text.length;
  let end = 0;
  const ends = texts.map((event) => (end += ascii ? event.length : Buffer.byteLength(event)));
  const bytes = Buffer.concat([whole, coder.bytes(tail)]);
  return { bytes, cuts: codeCuts(coder, cuts, ends) };
}

const jsonOf = (value: unknown): string => (value === undefined ? '' : JSON.stringify(value));

const asNumber = (filling: Filling | undefined): number => (typeof filling === 'number' ? filling : 0);

function styleOf(json: string, value: string, fits: boolean): number {
  if (!fits) return PieceStyle.literal;
  if (json === JSON.stringify(value)) return PieceStyle.plain;
  return json === asciiJson(value) ? PieceStyle.ascii : PieceStyle.literal;
}

function asciiJson(value: string): string {
  return JSON.stringify(value).replace(
    /[\x7f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Compact JSON with a space after each comma and colon, as models often write it. (A regular expression overflows its
 * stack on a string of ten megabytes.) */
function spacedJson(compact: string): string {
  let out = '';
  let from = 0;
  for (let at = 0; at < compact.length; at++) {
    const sign = compact[at];
    if (sign === '"') at = stringEnd(compact, at) - 1;
    else if (sign === ',' || sign === ':') {
      out += `${compact.slice(from, at + 1)} `;
      from = at + 1;
    }
  }
  return out + compact.slice(from);
}
