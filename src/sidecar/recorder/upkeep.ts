import { stackOf } from '../errors.ts';
import { isUnavailable } from '../store/availability.ts';
import type { Database } from '../store/database.ts';
import { LiveRing } from './live-ring.ts';
import type { Change } from './record.ts';
import type { LiveLimits, RecorderListener } from './thread.ts';
import { Tidy } from './tidy.ts';

/** What is due now and then while the store grows: fresh statistics, no garbage, in live mode that the oldest goes. */
export class Upkeep {
  readonly #ring: LiveRing | null;
  /** Exchanges recorded since the database was opened. */
  #sinceOpen = 0;
  #isTimeToAnalyze = false;
  #isTimeToReuseRows = false;
  readonly #tidy = new Tidy();

  readonly #tell: (changes: Change[]) => void;
  readonly #log: RecorderListener['onLog'];

  constructor(live: LiveLimits | null, tell: (changes: Change[]) => void, log: RecorderListener['onLog']) {
    this.#ring = live === null ? null : new LiveRing(live);
    this.#tell = tell;
    this.#log = log;
  }

  opened(): void {
    this.#sinceOpen = 0;
  }

  /** Call after each exchange. */
  recorded(): void {
    this.#ring?.recorded();
    this.#isTimeToAnalyze ||= isTimeToAnalyze(++this.#sinceOpen);
    this.#isTimeToReuseRows ||= this.#sinceOpen % REUSE_EVERY === 0;
  }

  /**
   * Does what is due, which is mostly nothing. `pause` lets others read in between. Rejects when the database is away;
   * what else goes wrong here costs nothing that was recorded, and is logged.
   */
  async run(database: Database, pause: () => Promise<void>): Promise<void> {
    try {
      if (this.#isTimeToAnalyze) {
        this.#isTimeToAnalyze = false;
        await database.analyze(pause);
      }
      if (this.#isTimeToReuseRows) {
        this.#isTimeToReuseRows = false;
        await pause();
        await database.reuseRows();
      }
      this.#tidy.run();
      if (this.#ring !== null) this.#tell(await this.#ring.keep(database));
    } catch (error) {
      if (isUnavailable(error)) throw error;
      this.#log('error', 'The upkeep of the store failed', { error: stackOf(error) });
    }
  }
}

/** Some milliseconds of work for each so many exchanges. */
const REUSE_EVERY = 50;

/** Soon after the start, when a new store has its first rows, then now and then. */
const isTimeToAnalyze = (recorded: number): boolean =>
  recorded === 20 || recorded === 200 || recorded % 1000 === 0;
