import type { DatabaseStatus, RecorderStatus } from '../../protocol/status.ts';
import type { Tally } from './tally.ts';
import type { RecorderListener } from './thread.ts';

const TELL_MS = 250;

/** The part of the status that is asked for at the moment it is told. */
type MomentaryStatus = Pick<
  RecorderStatus,
  'pending' | 'oldestPendingAt' | 'journalBytes' | 'lastError' | 'lastErrorAt'
>;

/** Tells the main thread how the recorder fares: at most every 250 ms while it works, at once where that matters. */
export class StatusTeller {
  readonly counters: RecorderStatus = { pending: 0, recorded: 0, failed: 0, dropped: 0, lastError: null };
  /** Of the database; null: it has not been reached yet. */
  version: string | null = null;
  readonly #host: Pick<RecorderListener, 'onStatus'>;
  readonly #engine: DatabaseStatus['engine'];
  readonly #now: () => MomentaryStatus;
  readonly #tally: Pick<Tally, 'snapshot'>;
  #timer: NodeJS.Timeout | null = null;

  constructor(
    host: Pick<RecorderListener, 'onStatus'>,
    engine: DatabaseStatus['engine'],
    tally: Pick<Tally, 'snapshot'>,
    now: () => MomentaryStatus,
  ) {
    this.#host = host;
    this.#engine = engine;
    this.#now = now;
    this.#tally = tally;
  }

  /** Something changed: it is told soon. */
  changed(): void {
    this.#timer ??= setTimeout(() => {
      this.tell();
    }, TELL_MS);
  }

  tell(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    Object.assign(this.counters, this.#now());
    this.#host.onStatus({
      database: { engine: this.#engine, version: this.version },
      recorder: { ...this.counters },
      tally: this.#tally.snapshot(),
    });
  }
}
