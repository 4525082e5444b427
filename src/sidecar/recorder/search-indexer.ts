import { setTimeout as sleep } from 'node:timers/promises';
import { termsOf } from '../core/search/message-texts.ts';
import { NexusError, reason, stackOf } from '../errors.ts';
import { isContention, isUnavailable } from '../store/availability.ts';
import type { Database } from '../store/database.ts';
import { addSegment, findUnsearched, joinSmallSegments } from '../store/search-index.ts';
import { readReadableTexts } from '../store/turn-texts.ts';
import { Pace } from './pace.ts';
import type { RecorderListener } from './thread.ts';

/** After the last exchange was recorded: turns that come together are indexed together. */
const QUIET_MS = 1000;
/** Another try after something failed. */
const AGAIN_MS = 60_000;
/** Turns whose words are held before they are written: some megabytes. */
const HELD_TURNS = 256;
/** Turns that are read in one slice. */
const MOST_READ = 24;

/** What the indexer needs of the recorder. */
interface IndexerHost {
  between<T>(work: (database: Database) => Promise<T>, whenIdle: boolean): Promise<T>;
}

/**
 * Puts recorded turns into the search index, in the recorder's thread and only while nothing waits to be recorded, in
 * slices of about 20 ms. What is to be done is a list in the store: it goes on wherever it was ended.
 */
export class SearchIndexer {
  readonly #host: IndexerHost;
  readonly #log: RecorderListener['onLog'];
  readonly #closing = new AbortController();
  readonly #pace = new Pace(1, MOST_READ, 4);
  #working: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** When the timer is over, on the clock of `performance`. */
  #due = Number.POSITIVE_INFINITY;

  constructor(host: IndexerHost, log: RecorderListener['onLog']) {
    this.#host = host;
    this.#log = log;
  }

  /** Something was recorded, or the database was opened. */
  soon(): void {
    this.#after(QUIET_MS);
  }

  /** Ends after the slice under way. */
  async close(): Promise<void> {
    this.#closing.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#working;
  }

  #after(ms: number): void {
    const due = performance.now() + ms;
    if (this.#closing.signal.aborted || this.#due <= due) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#due = Number.POSITIVE_INFINITY;
      this.#working ??= this.#run().finally(() => {
        this.#working = null;
      });
    }, ms);
  }

  async #run(): Promise<void> {
    try {
      let turns = 0;
      for (let more = true; more && !this.#closing.signal.aborted;) {
        const indexed = await this.#next();
        turns += indexed;
        more = indexed > 0;
      }
      // The list of a whole store gives its room back.
      if (turns > HELD_TURNS) await this.#slice((database) => database.reuseRows());
      this.#log('debug', 'Turns were put into the search index', { turns });
    } catch (error) {
      // The database is away, or the program ends: it goes on with the next connection or start.
      if (this.#closing.signal.aborted || error instanceof NexusError || isUnavailable(error)) return;
      this.#log('error', 'The search index could not be brought up to date', { error: stackOf(error) });
      this.#after(AGAIN_MS);
    }
  }

  /** Indexes the newest turns that are not; how many. */
  async #next(): Promise<number> {
    const found = await this.#slice(({ db }) => findUnsearched(db, HELD_TURNS));
    if (found === null) return 0;
    const { tenant, ids } = found;
    const turns: { id: string; terms: Set<string> }[] = [];
    while (turns.length < ids.length) {
      const some = ids.slice(turns.length, turns.length + this.#pace.size);
      turns.push(
        ...(await this.#slice((database) => this.#pace.time(() => this.#read(database, tenant, some)))),
      );
    }
    await this.#slice((database) => addSegment(database, tenant, turns));
    while (await this.#slice((database) => joinSmallSegments(database, tenant))) {
      // What was joined makes room for the next one: else the files grow with each.
      await this.#slice((database) => database.reuseRows());
    }
    return turns.length;
  }

  async #read(
    { db }: Database,
    tenant: string,
    ids: string[],
  ): Promise<{ id: string; terms: Set<string> }[]> {
    const texts = await readReadableTexts(db, tenant, ids, (request, error) => {
      this.#log('warn', 'A turn cannot be searched', { request, error: reason(error) });
    });
    return ids.map((id) => ({ id, terms: termsOf(texts.get(id) ?? []) }));
  }

  async #slice<T>(work: (database: Database) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      this.#closing.signal.throwIfAborted();
      try {
        return await this.#host.between(work, true);
      } catch (error) {
        if (!isContention(error) || tries === 10) throw error;
        await sleep(10 * tries);
      }
    }
  }
}
