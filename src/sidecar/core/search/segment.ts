import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { LookUp } from './words.ts';
import { BitReader, BitWriter, readPlaces, writePlaces } from './postings.ts';

/**
 * A part of the index: some requests, and for each term which of them have it. `ids` rise; a place is a number in them,
 * and places rise, too.
 */
export interface Segment {
  ids: string[];
  places: Map<string, number[]>;
}

/** A part of a segment's terms as a row has it: those from `first` on, up to the next piece's. */
export interface Piece {
  /** Bytes, a letter each. */
  first: string;
  bytes: Buffer;
}

/** So long that a row stays within a page's quarter, where it is not kept aside. */
const PIECE_BYTES = 1850;
/** What deflate leaves of terms that are written one after the other, as measured. */
const PACKED_SHARE = 0.58;

export function segmentOf(turns: readonly { id: string; terms: Iterable<string> }[]): Segment {
  const sorted = [...turns].sort((a, b) => (a.id < b.id ? -1 : 1));
  const places = new Map<string, number[]>();
  for (const [place, { terms }] of sorted.entries()) {
    for (const term of terms) {
      const list = places.get(term);
      if (list === undefined) places.set(term, [place]);
      else list.push(place);
    }
  }
  return { ids: sorted.map(({ id }) => id), places };
}

/** All of them as one; of a request that is in several, what each says of it. */
export function joinSegments(segments: readonly Segment[]): Segment {
  const ids = [...new Set(segments.flatMap((segment) => segment.ids))].sort();
  const placeOf = new Map(ids.map((id, place) => [id, place]));
  const places = new Map<string, number[]>();
  for (const segment of segments) {
    const moved = segment.ids.map((id) => placeOf.get(id)!);
    for (const [term, list] of segment.places) {
      places.set(term, [...(places.get(term) ?? []), ...list.map((place) => moved[place]!)]);
    }
  }
  for (const [term, list] of places) {
    places.set(
      term,
      [...new Set(list)].sort((a, b) => a - b),
    );
  }
  return { ids, places };
}

/** The same without these requests, and without the terms that only they have. */
export function without({ ids, places }: Segment, gone: ReadonlySet<string>): Segment {
  const kept = ids.filter((id) => !gone.has(id));
  const placeOf = new Map(kept.map((id, place) => [id, place]));
  const moved = ids.map((id) => placeOf.get(id) ?? -1);
  const left = new Map<string, number[]>();
  for (const [term, list] of places) {
    const still = list.map((place) => moved[place]!).filter((place) => place >= 0);
    if (still.length > 0) left.set(term, still);
  }
  return { ids: kept, places: left };
}

export function piecesOf({ ids, places }: Segment): Piece[] {
  const terms = [...places.keys()].sort();
  const pieces: Piece[] = [];
  let writer = new PieceWriter(ids.length);
  for (const term of terms) {
    if (writer.size >= PIECE_BYTES) {
      pieces.push(writer.end());
      writer = new PieceWriter(ids.length);
    }
    writer.add(term, places.get(term)!);
  }
  return terms.length === 0 ? [] : [...pieces, writer.end()];
}

/** Throws for what `piecesOf` did not make. */
export function segmentFrom(ids: string[], pieces: readonly Pick<Piece, 'bytes'>[]): Segment {
  const places = new Map<string, number[]>();
  for (const { bytes } of pieces) readPiece(bytes, ids.length, (term, list) => places.set(term, list));
  return { ids, places };
}

/** The places of what is looked up, in no order. `size`: requests of the segment; `pieces`: those it can be in. */
export function placesIn(
  pieces: readonly Buffer[],
  size: number,
  { term: sought, whole }: LookUp,
): Set<number> {
  const found = new Set<number>();
  for (const bytes of pieces) {
    readPiece(bytes, size, (term, list) => {
      if (whole ? term === sought : term.startsWith(sought)) for (const place of list) found.add(place);
    });
  }
  return found;
}

/** Behind all terms that are meant: no byte of UTF-8 is as large as this one. */
export const endOf = ({ term, whole }: LookUp): string => `${term}${whole ? '\0' : '\xff'}`;

/** Terms one after the other: how many letters each shares with the one before, how many are its own, those. */
class PieceWriter {
  readonly #size: number;
  readonly #bits = new BitWriter();
  readonly #parts: string[] = [];
  #letters = 0;
  #first: string | null = null;
  #last = '';

  constructor(size: number) {
    this.#size = size;
  }

  /** About so many bytes it will have. */
  get size(): number {
    return this.#letters * PACKED_SHARE + this.#bits.length / 8;
  }

  add(term: string, places: readonly number[]): void {
    this.#first ??= term;
    let shared = 0;
    while (shared < term.length && shared < 255 && term[shared] === this.#last[shared]) shared++;
    const own = term.slice(shared);
    const part = String.fromCharCode(shared, own.length) + own;
    this.#parts.push(part);
    this.#letters += part.length;
    this.#last = term;
    writePlaces(this.#bits, places, this.#size);
  }

  end(): Piece {
    const terms = deflateRawSync(Buffer.from(this.#parts.join(''), 'latin1'), { level: 9 });
    const head = Buffer.alloc(4);
    head.writeUInt16BE(this.#parts.length, 0);
    head.writeUInt16BE(terms.length, 2);
    return { first: this.#first ?? '', bytes: Buffer.concat([head, terms, this.#bits.end()]) };
  }
}

function readPiece(bytes: Buffer, size: number, each: (term: string, places: number[]) => void): void {
  const count = bytes.readUInt16BE(0);
  const length = bytes.readUInt16BE(2);
  const letters = inflateRawSync(bytes.subarray(4, 4 + length)).toString('latin1');
  const bits = new BitReader(bytes.subarray(4 + length));
  let at = 0;
  let last = '';
  for (let index = 0; index < count; index++) {
    const shared = letters.charCodeAt(at);
    const own = letters.charCodeAt(at + 1);
    last = last.slice(0, shared) + letters.slice(at + 2, at + 2 + own);
    at += 2 + own;
    each(last, readPlaces(bits, size));
  }
}
