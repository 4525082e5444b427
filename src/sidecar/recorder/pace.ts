/** What a slice of long work should take, ms: reads and the recorder wait no longer for it. */
const SLICE_MS = 20;

/** How much goes into a slice: learnt from how long the last one took. */
export class Pace {
  readonly #smallest: number;
  readonly #largest: number;
  size: number;

  constructor(smallest: number, largest: number, first = smallest) {
    this.#smallest = smallest;
    this.#largest = largest;
    this.size = first;
  }

  async time<T>(work: () => Promise<T>): Promise<T> {
    const begun = performance.now();
    const result = await work();
    const factor = SLICE_MS / Math.max(1, performance.now() - begun);
    this.size = Math.round(
      Math.min(this.#largest, Math.max(this.#smallest, this.size * Math.min(2, factor))),
    );
    return result;
  }
}
