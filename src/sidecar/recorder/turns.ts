import type { Database } from '../store/database.ts';

/** While exchanges wait to be recorded, other work gets a quarter of the time. */
const PAUSE_PER_WORK = 3;

interface Turn {
  whenIdle: boolean;
  run(database: Database): Promise<unknown>;
  refuse(error: Error): void;
}

/**
 * Work that waits for its turn between the recorder's transactions: PGlite has one connection, and a transaction of
 * somebody else's must not begin within one of the recorder's.
 */
export class Turns {
  #waiting: Turn[] = [];
  #notBefore = 0;

  /** Resolves with what `work` gives once it had its turn. `whenIdle`: not while an exchange waits to be recorded. */
  add<T>(work: (database: Database) => Promise<T>, whenIdle: boolean): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({
        whenIdle,
        run: async (database) => {
          try {
            resolve(await work(database));
            return null;
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
            return error;
          }
        },
        refuse: reject,
      });
    });
  }

  /** True when something could run now. */
  ready(idle: boolean): boolean {
    return this.#next(idle) >= 0;
  }

  /** Runs what is next, if anything is; the error it failed with, which its owner knows too, or null. */
  async run(database: Database, idle: boolean): Promise<unknown> {
    const next = this.#next(idle);
    if (next < 0) return null;
    const [turn] = this.#waiting.splice(next, 1);
    const begun = performance.now();
    const error = await turn?.run(database);
    const ended = performance.now();
    this.#notBefore = ended + (ended - begun) * PAUSE_PER_WORK;
    return error ?? null;
  }

  /** Nobody's turn will come. */
  refuse(error: Error): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const turn of waiting) turn.refuse(error);
  }

  #next(idle: boolean): number {
    if (idle) return this.#waiting.length === 0 ? -1 : 0;
    if (performance.now() < this.#notBefore) return -1;
    return this.#waiting.findIndex((turn) => !turn.whenIdle);
  }
}
