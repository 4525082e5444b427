/** A transaction that takes longer is told as a trouble: a locked table, a server that stalls. */
const SLOW_MS = 3000;

export interface TroubleLog {
  (level: 'info' | 'warn', message: string, fields: Record<string, unknown>): void;
}

/**
 * What keeps the recorder from recording now, for the status and the log. It is said when it begins, when its reason
 * changes, when recording works again and when everything that waited is recorded.
 */
export class Trouble {
  /** The present reason, or null while recording works. */
  message: string | null = null;
  /** When that reason was last seen, in ms since the epoch. */
  at: number | null = null;
  readonly #log: TroubleLog;
  readonly #now: () => number;
  /** When the first of the present troubles began; null once everything that waited is recorded. */
  #since: number | null = null;
  #caughtUp = 0;

  constructor(log: TroubleLog, now: () => number = Date.now) {
    this.#log = log;
    this.#now = now;
  }

  begin(message: string, fields: Record<string, unknown> = {}): void {
    this.at = this.#now();
    this.#since ??= this.at;
    // A database that is away for hours is tried again and again: one line each time the reason changes.
    if (message !== this.message) this.#log('warn', message, fields);
    this.message = message;
  }

  /** Waits for a step of the database; `tell` is called when it takes so long that it has become a trouble. */
  async watch(step: Promise<void>, tell: () => void): Promise<void> {
    const slow = setTimeout(() => {
      this.begin(
        `The database has taken more than ${String(SLOW_MS / 1000)} s for one step. Traffic goes on and is kept in the journal; see what the database is waiting for.`,
      );
      tell();
    }, SLOW_MS);
    try {
      await step;
    } finally {
      clearTimeout(slow);
    }
  }

  /** The database answers again; `pending` exchanges wait for it. */
  over(pending: number): void {
    if (this.message === null) return;
    this.message = null;
    this.at = null;
    this.#caughtUp = 0;
    this.#log('info', 'Recording works again', { waiting: pending, after: this.#elapsed() });
    this.#settle(pending);
  }

  /** One exchange was recorded, `pending` still wait. */
  recorded(pending: number): void {
    if (this.#since === null) return;
    this.#caughtUp++;
    this.#settle(pending);
  }

  #settle(pending: number): void {
    if (pending > 0 || this.message !== null) return;
    this.#log('info', 'Recording has caught up', { exchanges: this.#caughtUp, after: this.#elapsed() });
    this.#since = null;
  }

  #elapsed(): string {
    return `${((this.#now() - (this.#since ?? this.#now())) / 1000).toFixed(1)} s`;
  }
}
