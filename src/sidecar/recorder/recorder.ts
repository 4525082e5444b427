import { setImmediate as macrotask } from 'node:timers/promises';
import type { JournalNote } from '../core/frames.ts';
import { databaseUnavailable, type NexusError, shuttingDown } from '../errors.ts';
import { isUnavailable } from '../store/availability.ts';
import type { Database } from '../store/database.ts';
import { loadSalt } from '../store/settings.ts';
import { Attempts } from './attempts.ts';
import { StatementLog } from '../store/statement-log.ts';
import { Backlog } from './backlog.ts';
import { Connection } from './connection.ts';
import { EventBatch } from './event-batch.ts';
import { GivenUp } from './given-up.ts';
import type { Change } from './record.ts';
import { journalFilesIn } from './journal-source.ts';
import { MemoryJournal } from './memory-journal.ts';
import { ReadsUnderWay } from './reads-under-way.ts';
import { Turns } from './turns.ts';
import { StatusTeller } from './status-teller.ts';
import { Steps } from './steps.ts';
import type { RecorderListener, RecorderOptions } from './thread.ts';
import type { Track } from './track.ts';
import { Trouble } from './trouble.ts';
import { Upkeep } from './upkeep.ts';

export interface RecorderHost extends RecorderListener {
  onReady(): void;
  onRefused(error: NexusError): void;
  /** Something was stored that requests stored earlier may hang from. */
  onLate(): void;
}

/**
 * The recorder: follows the journal, and puts every exchange into the store in the order of what happened. Everything
 * in it runs in the worker thread, one transaction at a time; between two of them reads have their turn.
 */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #host: RecorderHost;
  readonly #backlog: Backlog;
  /** Live mode's; null: files. */
  readonly #memory: MemoryJournal | null;
  readonly #upkeep: Upkeep;
  readonly #events: EventBatch;
  readonly #status: StatusTeller;
  readonly #trouble: Trouble;
  /** Given up, and not yet shown as failed in the store. */
  readonly #givenUp: GivenUp;
  readonly #attempts: Attempts;
  readonly connection: Connection;
  #working: Promise<void> | null = null;
  #closed = false;
  #idle: (() => void)[] = [];
  readonly #turns = new Turns();
  readonly #steps: Steps;
  readonly #reads = new ReadsUnderWay();

  constructor(options: RecorderOptions, leftBehind: string[], creator: URL | null, host: RecorderHost) {
    this.#options = options;
    this.#host = host;
    this.#memory =
      options.live === null
        ? null
        : new MemoryJournal((bytes) => {
            host.onReleased(bytes);
          });
    const { redactBodies: mode, ownSecrets } = options;
    const policy = { mode, ownSecrets };
    this.#backlog = new Backlog(this.#memory ?? journalFilesIn(options.journalDir), leftBehind, policy);
    const log: RecorderListener['onLog'] = (...entry) => {
      host.onLog(...entry);
    };
    const late = (): void => {
      host.onLate();
    };
    this.#steps = new Steps(options, { pause: this.#pause, late }, log);
    this.#events = new EventBatch((event) => {
      host.onEvent(event);
    });
    this.#trouble = new Trouble(log);
    this.#givenUp = new GivenUp(options, log);
    const tell = (changes: Change[]): void => {
      this.tell(changes);
    };
    this.#upkeep = new Upkeep(options.live, tell, log);
    const engine = options.databaseUrl === null ? 'pglite' : 'postgresql';
    this.#status = new StatusTeller(host, engine, this.#steps.tally, () => ({
      pending: this.#pending,
      oldestPendingAt: this.#backlog.oldestPendingAt,
      journalBytes: this.#backlog.bytes,
      lastError: this.#trouble.message,
      lastErrorAt: this.#trouble.at,
    }));
    const { databaseUrl, migrationsDir } = options;
    const statements =
      options.statements === undefined ? null : new StatementLog(options.statements, ownSecrets, log);
    const dataDir = options.live === null ? options.dataDir : null;
    this.connection = new Connection(
      { dataDir, databaseUrl, migrationsDir, creator, statements },
      {
        prepare: async ({ db }) => {
          this.#steps.salt = options.salt ?? (await loadSalt(db));
        },
        onOpen: ({ version }) => {
          this.#opened(version);
        },
        onAway: (error) => {
          this.#away(error);
        },
        onRefused: (error) => {
          this.#away(error);
          host.onRefused(error);
        },
      },
    );
    this.#attempts = new Attempts({
      backlog: this.#backlog,
      connection: this.connection,
      givenUp: this.#givenUp,
      status: this.#status,
      log,
    });
  }

  start(): void {
    this.connection.connect();
  }

  journal(notes: JournalNote[]): void {
    for (const note of notes) {
      if (this.#memory?.add(note) !== false) this.#backlog.note(note);
    }
    this.#dropWaiting();
    this.#status.changed();
    this.#work();
  }

  /** Resolves when all that was noted is recorded, or cannot be for now. */
  async drain(): Promise<void> {
    const settled = (): boolean =>
      this.#pending === 0 || (this.connection.database === null && this.connection.error !== null);
    while (!settled() && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#idle.push(resolve);
        if (this.connection.database !== null) this.#work();
      });
    }
    this.#events.flush();
  }

  /** Runs a read before the next transaction. */
  async read<T>(database: Database, work: () => Promise<T>): Promise<T> {
    try {
      return await this.#reads.run(work);
    } catch (error) {
      if (isUnavailable(error)) void this.connection.lost(database, error);
      throw error;
    }
  }

  /** Runs `work` between two transactions; `whenIdle`: once nothing waits to be recorded. Short work: reads wait. */
  between<T>(work: (database: Database) => Promise<T>, whenIdle: boolean): Promise<T> {
    if (this.#closed) return Promise.reject(shuttingDown());
    const { database, error } = this.connection;
    if (database === null) {
      return Promise.reject(error ?? databaseUnavailable(new Error('it is being opened')));
    }
    const done = this.#turns.add(work, whenIdle);
    this.#work();
    return done;
  }

  /** Tells of changes that were made between two transactions. */
  tell(changes: Change[]): void {
    this.#events.add(changes);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#working;
    this.#turns.refuse(shuttingDown());
    this.#events.flush();
    this.#status.tell();
    this.#backlog.close();
    await this.connection.close();
  }

  #opened(version: string): void {
    this.#status.version = version;
    this.#upkeep.opened();
    this.#trouble.over(this.#pending);
    this.#host.onSalt(this.#steps.salt);
    this.#status.tell();
    // Whoever asked while the database was away was refused, and asks again now.
    this.#host.onEvent({ name: 'resync', ids: [] });
    this.#host.onReady();
    this.#work();
  }

  #away(error: NexusError): void {
    this.#trouble.begin(error.message, { code: error.code });
    this.#turns.refuse(error);
    this.#status.tell();
    this.#settle();
  }

  #work(): void {
    this.#working ??= this.#run().finally(() => {
      this.#working = null;
      this.#settle();
      // Something may have come between the last look and now.
      if (!this.#closed && this.connection.database !== null && this.#hasWork()) this.#work();
    });
  }

  #hasWork(): boolean {
    return (
      this.#givenUp.size > 0 ||
      this.#backlog.next() !== null ||
      this.#backlog.unread() !== null ||
      this.#turns.ready(true)
    );
  }

  /** Exchanges that have something the store does not have yet. */
  get #pending(): number {
    return this.#backlog.pending + this.#givenUp.size;
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      await this.#pause();
      const database = this.connection.database;
      if (database === null) return;
      if (this.#turns.ready(false)) {
        await this.#turn(database, false);
        continue;
      }
      if (this.#givenUp.size > 0) {
        await this.#givenUp
          .settleFirst(database)
          .catch((error: unknown) => this.connection.lost(database, error));
        this.#status.changed();
        continue;
      }
      const unread = this.#backlog.unread();
      if (unread !== null) {
        await this.#attempts.run(database, unread, () => unread.read());
        // A file in which nothing is to be recorded ends here.
        this.#status.changed();
        continue;
      }
      const track = this.#backlog.next();
      if (track === null) {
        if (!this.#turns.ready(true)) return;
        this.#settle();
        await this.#turn(database, true);
        continue;
      }
      await this.#attempts.run(database, track, () => this.#watched(this.#step(database, track)));
      // Apart from the exchange, which is recorded, and whose journal file is gone by now.
      await this.#upkeep
        .run(database, this.#pause)
        .catch((error: unknown) => this.connection.lost(database, error));
      this.#status.changed();
    }
  }

  /**
   * Takes in what was told and asked meanwhile. PGlite has one connection: whoever asks by now is answered before the
   * next transaction begins.
   */
  readonly #pause = async (): Promise<void> => {
    await macrotask();
    if (this.connection.database?.engine === 'pglite') await this.#reads.over();
  };

  async #turn(database: Database, idle: boolean): Promise<void> {
    const error = await this.#turns.run(database, idle);
    if (isUnavailable(error)) await this.connection.lost(database, error);
  }

  async #step(database: Database, track: Track): Promise<void> {
    const { changes, finished } = await this.#steps.record(database, track);
    this.#events.add(changes);
    if (!finished) return;
    this.#status.counters.recorded++;
    this.#trouble.recorded(this.#pending);
    this.#upkeep.recorded();
  }

  /** Live mode: what waits is in memory, so there is a limit to it; what is newest stays. */
  #dropWaiting(): void {
    const [live, memory] = [this.#options.live, this.#memory];
    if (live === null || memory === null) return;
    const dropped = this.#backlog.dropWaiting(() => memory.bytes > live.waitingBytes);
    if (dropped === 0) return;
    const why = 'The recorder cannot keep up: of the exchanges that wait, the oldest are dropped.';
    this.#status.counters.dropped += dropped;
    this.#status.counters.lastDrop = why;
    this.#trouble.begin(why);
  }

  /** Tells when a transaction takes suspiciously long, and when the database has answered. */
  async #watched(step: Promise<void>): Promise<void> {
    await this.#trouble.watch(step, () => {
      this.#status.tell();
    });
    this.#trouble.over(this.#pending);
  }

  #settle(): void {
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }
}
