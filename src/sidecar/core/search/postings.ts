/** Bits, the highest of a byte first. */
export class BitWriter {
  readonly #bytes: number[] = [];
  #open = 0;
  #free = 8;

  /** Bits written so far. */
  get length(): number {
    return this.#bytes.length * 8 + 8 - this.#free;
  }

  write(value: number, bits: number): void {
    for (let bit = bits - 1; bit >= 0; bit--) {
      this.#open = (this.#open << 1) | ((value >>> bit) & 1);
      if (--this.#free > 0) continue;
      this.#bytes.push(this.#open);
      this.#open = 0;
      this.#free = 8;
    }
  }

  end(): Buffer {
    return Buffer.from(this.#free === 8 ? this.#bytes : [...this.#bytes, this.#open << this.#free]);
  }
}

export class BitReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Throws where there is nothing left. */
  read(bits: number): number {
    let value = 0;
    for (let bit = 0; bit < bits; bit++) {
      const byte = this.#bytes[this.#at >>> 3];
      if (byte === undefined) throw new Error('A list of places ends too early');
      value = (value << 1) | ((byte >>> (7 - (this.#at & 7))) & 1);
      this.#at++;
    }
    return value;
  }
}

/**
 * Writes the places of a term: rising numbers below `size`, at least one. Binary interpolative coding: the middle one
 * within the range it can be in, then both halves. Places that lie together (a file is worked on for some turns) or fill
 * their range take hardly any bits.
 */
export function writePlaces(to: BitWriter, places: ArrayLike<number>, size: number): void {
  writeCount(to, places.length);
  writeBetween(to, places, 0, places.length, 0, size);
}

export function readPlaces(from: BitReader, size: number): number[] {
  const places = new Array<number>(readCount(from)).fill(0);
  if (places.length > size) throw new Error('A list of places is longer than it can be');
  readBetween(from, places, 0, places.length, 0, size);
  return places;
}

/** places[from..to) lie in [low, high). */
function writeBetween(
  bits: BitWriter,
  places: ArrayLike<number>,
  from: number,
  to: number,
  low: number,
  high: number,
): void {
  if (to - from === 0 || to - from === high - low) return;
  const middle = (from + to) >> 1;
  const least = low + middle - from;
  const most = high - (to - middle);
  bits.write(places[middle]! - least, widthOf(most - least));
  writeBetween(bits, places, from, middle, low, places[middle]!);
  writeBetween(bits, places, middle + 1, to, places[middle]! + 1, high);
}

function readBetween(
  bits: BitReader,
  places: number[],
  from: number,
  to: number,
  low: number,
  high: number,
): void {
  if (to - from === 0) return;
  if (to - from === high - low) {
    for (let index = from; index < to; index++) places[index] = low + index - from;
    return;
  }
  const middle = (from + to) >> 1;
  const least = low + middle - from;
  const most = high - (to - middle);
  places[middle] = least + bits.read(widthOf(most - least));
  readBetween(bits, places, from, middle, low, places[middle]);
  readBetween(bits, places, middle + 1, to, places[middle] + 1, high);
}

/** Elias' gamma code: short for few. */
function writeCount(to: BitWriter, count: number): void {
  const width = widthOf(count);
  to.write(0, width - 1);
  to.write(count, width);
}

function readCount(from: BitReader): number {
  let zeros = 0;
  while (from.read(1) === 0) if (++zeros > 24) throw new Error('A list of places has no length');
  return (1 << zeros) | from.read(zeros);
}

/** Bits that numbers up to this one take. */
const widthOf = (value: number): number => 32 - Math.clz32(value);
