/**
 * Runs `work` soon after a request and at most once at a time: requests in between are one more run afterwards, so a
 * steady stream of events neither starves a view nor floods the sidecar. `work` must not reject.
 */
export class Throttle {
  readonly #work: () => Promise<void>;
  readonly #delayMs: number;
  #timer: NodeJS.Timeout | null = null;
  #running = false;
  #again = false;
  #disposed = false;

  constructor(work: () => Promise<void>, delayMs: number) {
    this.#work = work;
    this.#delayMs = delayMs;
  }

  request(): void {
    if (this.#disposed) return;
    if (this.#running) this.#again = true;
    else this.#timer ??= setTimeout(() => void this.#run(), this.#delayMs);
  }

  dispose(): void {
    this.#disposed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    this.#timer = null;
    this.#running = true;
    await this.#work();
    this.#running = false;
    if (!this.#again) return;
    this.#again = false;
    this.request();
  }
}
