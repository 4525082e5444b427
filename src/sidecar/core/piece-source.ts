import type { NumberCoder } from './number-coder.ts';

/** Number contexts, apart from those of `stream-codec.ts` and `cuts.ts`. */
const UNITS = 8;
const WORDS = 9;
const REST = 10;

/** A word with the space before it, or one sign. Models stream tokens, and most tokens end where such a word does. */
const WORD = /\s*(?:\w+|[^\w\s])/g;
/** Words are given up for good when so many more pieces ended within a word than at its end. */
const HABIT = 6;

/**
 * The text of one field of a block, from which the pieces of its deltas are cut one after the other. How long a piece
 * is, is said in words while pieces end at words, else in UTF-16 units: 1.8 bits against 4.3 for pieces of one to three
 * words. Both sides see what the pieces before did, so that needs no word.
 */
export class PieceSource {
  readonly #text: string;
  #used = 0;
  /** The last end of a word that is not beyond `#used`. */
  #mark = 0;
  #habit = 0;

  constructor(text: string) {
    this.#text = text;
  }

  startsWith(piece: string): boolean {
    return this.#text.startsWith(piece, this.#used);
  }

  /** Writes or reads the length of the next piece, and gives it. */
  cut(coder: NumberCoder, length: number): string {
    const from = this.#used;
    this.#used =
      this.#habit < 0 ? this.#cutUnits(coder, from + length) : this.#cutWords(coder, from + length);
    const step = this.#mark === this.#used ? 1 : -1;
    if (this.#habit > -HABIT) this.#habit = Math.min(HABIT, this.#habit + step);
    return this.#text.slice(from, this.#used);
  }

  #cutUnits(coder: NumberCoder, wanted: number): number {
    const to = Math.min(this.#text.length, this.#used + coder.number(UNITS, wanted - this.#used));
    if (this.#habit === -HABIT) return to;
    for (let next = this.#nextMark(); next !== null && next <= to; next = this.#nextMark()) this.#mark = next;
    return to;
  }

  #cutWords(coder: NumberCoder, wanted: number): number {
    const start = this.#mark;
    let words = 0;
    for (let next = this.#nextMark(); next !== null && next <= wanted; next = this.#nextMark()) {
      this.#mark = next;
      words++;
    }
    const said = coder.number(WORDS, words);
    if (said !== words) {
      this.#mark = start;
      for (let left = said; left > 0 && this.#mark < this.#text.length; left--) {
        this.#mark = this.#nextMark() ?? this.#text.length;
      }
    }
    const from = said === 0 ? this.#used : this.#mark;
    return Math.min(this.#text.length, from + coder.number(REST, Math.max(0, wanted - from)));
  }

  #nextMark(): number | null {
    if (this.#mark >= this.#text.length) return null;
    WORD.lastIndex = this.#mark;
    return WORD.test(this.#text) ? WORD.lastIndex : this.#text.length;
  }
}
