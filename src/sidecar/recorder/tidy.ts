import { getHeapStatistics } from 'node:v8';

/** Garbage at which this thread collects it, in bytes. */
const MOST_GARBAGE = 16 * 1024 * 1024;

/**
 * Collects this thread's garbage before V8 would. Bodies lie outside its heap, and V8 lets 64 MB of such bytes come
 * together before it looks which of them are still wanted; what has been that large is not all given back (182 MB instead
 * of 199 after 2,000 turns on PostgreSQL). A collection takes 14 to 20 ms on a busy machine, between two transactions,
 * once for 100 turns of 180 KB: 0.2 ms a turn.
 */
export class Tidy {
  /** The least there was since the last collection. */
  #least = Number.POSITIVE_INFINITY;
  readonly #used: () => number;
  readonly #collect: (() => unknown) | undefined;

  constructor(used: () => number = usedBytes, collect: (() => unknown) | undefined = globalThis.gc) {
    this.#used = used;
    this.#collect = collect;
  }

  /** Call between two pieces of work; mostly does nothing. */
  run(): void {
    const used = this.#used();
    this.#least = Math.min(this.#least, used);
    if (this.#collect === undefined || used - this.#least < MOST_GARBAGE) return;
    this.#collect();
    this.#least = this.#used();
  }
}

/** In the heap, and outside of it on its behalf (3 µs). */
function usedBytes(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}
