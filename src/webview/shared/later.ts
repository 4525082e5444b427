/** Runs something once, a little after the last of many calls; several events make one fetch. */
export class Later {
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #run: () => void;
  readonly #delayMs: number;

  constructor(run: () => void, delayMs: number) {
    this.#run = run;
    this.#delayMs = delayMs;
  }

  soon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#run, this.#delayMs);
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }
}
