import { setTimeout as wait } from 'node:timers/promises';
import { databaseUnavailable, embeddedDatabaseUnreadable, NexusError, reason } from '../errors.ts';
import { openDatabase, type Database, type DatabaseOptions } from '../store/database.ts';

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;
/** A lost database may never answer its closing: a trapped WebAssembly program, a server that went silent. */
const CLOSING_MS = 3000;

export interface ConnectionListener {
  /** Open and migrated, and not yet in use. A rejection counts as the database being away. */
  prepare(database: Database): Promise<void>;
  onOpen(database: Database): void;
  onAway(error: NexusError): void;
  /** It must not be used (a newer schema): nothing is tried again. */
  onRefused(error: NexusError): void;
}

/** Keeps a database open: tries again with backoff while it is away, and after it was lost. */
export class Connection {
  readonly #options: DatabaseOptions;
  readonly #listener: ConnectionListener;
  readonly #closing = new AbortController();
  #working: Promise<void> | null = null;
  /** The open database, or null. */
  database: Database | null = null;
  /** Why it is not open; null while the first attempt is under way. */
  error: NexusError | null = null;
  readonly #first = Promise.withResolvers<undefined>();
  /** Resolves when the first attempt has ended, well or not: an embedded database takes a moment to open. */
  readonly tried: Promise<undefined> = this.#first.promise;

  constructor(options: DatabaseOptions, listener: ConnectionListener) {
    this.#options = options;
    this.#listener = listener;
  }

  connect(): void {
    this.#working ??= this.#connect().finally(() => {
      this.#working = null;
    });
  }

  /**
   * Call when a statement of `database` failed because it is away. What a read of an earlier one says late (10 s for a
   * place in the pool, 40 for an answer) does not concern the one that is open by then.
   */
  async lost(database: Database, cause: unknown): Promise<void> {
    if (database !== this.database) return;
    this.database = null;
    this.#away(this.#unavailable(cause));
    const patience = new AbortController();
    await Promise.race([
      // It is gone already: whatever closing it says is not news.
      database.close().catch(() => undefined),
      wait(CLOSING_MS, undefined, { signal: patience.signal }).catch(() => undefined),
    ]);
    patience.abort();
    this.connect();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#first.resolve(undefined);
    await this.#working;
    await this.database?.close();
    this.database = null;
  }

  async #connect(): Promise<void> {
    for (
      let delay = FIRST_DELAY_MS;
      !this.#closing.signal.aborted;
      delay = Math.min(delay * 2, LONGEST_DELAY_MS)
    ) {
      try {
        this.database = await this.#open();
        this.error = null;
        this.#first.resolve(undefined);
        this.#listener.onOpen(this.database);
        return;
      } catch (error) {
        if (error instanceof NexusError && error.code === 'database_newer') {
          this.error = error;
          this.#first.resolve(undefined);
          this.#listener.onRefused(error);
          return;
        }
        this.#away(this.#unavailable(error));
      }
      await wait(delay, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    }
  }

  async #open(): Promise<Database> {
    const database = await openDatabase(this.#options);
    try {
      await this.#listener.prepare(database);
    } catch (error) {
      await database.close().catch(() => undefined); // The first error is the one to tell.
      throw error;
    }
    return database;
  }

  #away(error: NexusError): void {
    this.error = error;
    this.#first.resolve(undefined);
    this.#listener.onAway(error);
  }

  #unavailable(error: unknown): NexusError {
    if (error instanceof NexusError) return error;
    const { dataDir, databaseUrl } = this.#options;
    const inner = error instanceof Error && error.cause !== undefined ? ` (${reason(error.cause)})` : '';
    const cause = new Error(`${reason(error)}${inner}`, { cause: error });
    return databaseUrl === null && dataDir !== null
      ? embeddedDatabaseUnreadable(dataDir, cause)
      : databaseUnavailable(cause);
  }
}
