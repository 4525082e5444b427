/** The reads under way. The recorder waits for them before each of its transactions on PGlite's one connection. */
export class ReadsUnderWay {
  readonly #reads = new Set<Promise<unknown>>();

  /** Begins `work` at once, and gives what it gives. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const reading = work();
    const settled = reading.then(
      () => undefined,
      () => undefined,
    );
    this.#reads.add(settled);
    try {
      return await reading;
    } finally {
      this.#reads.delete(settled);
    }
  }

  /** Resolves when those that have begun are over, well or not. */
  async over(): Promise<void> {
    await Promise.all(this.#reads);
  }
}
