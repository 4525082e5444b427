import { setImmediate as macrotask } from 'node:timers/promises';
import type { JournalNote } from '../core/frames.ts';
import type { DatabaseStatus, RecorderStatus } from '../../protocol/status.ts';
import { reason, type NexusError } from '../errors.ts';
import { isUnavailable } from '../store/availability.ts';
import type { Database } from '../store/database.ts';
import { failUnrecorded } from '../store/exchanges.ts';
import { loadSalt } from '../store/settings.ts';
import { Backlog } from './backlog.ts';
import { Connection } from './connection.ts';
import { EventBatch } from './event-batch.ts';
import { recordCalls, recordRequest, type Change, type RecordContext } from './record.ts';
import { recordEnd } from './record-end.ts';
import type { RecorderListener, RecorderOptions } from './thread.ts';
import type { Track } from './track.ts';

/** A step that fails this often for a reason of its own is a bug in it: its file must not block the others. */
const MOST_ATTEMPTS = 3;
const STATUS_MS = 250;

export interface RecorderHost extends RecorderListener {
  onReady(): void;
  onRefused(error: NexusError): void;
}

/**
 * The recorder: follows the journal, and puts every exchange into the store in the order of what happened. Everything
 * in it runs in the worker thread, one transaction at a time; between two of them reads have their turn.
 */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #host: RecorderHost;
  readonly #backlog: Backlog;
  readonly #events: EventBatch;
  readonly #counters: RecorderStatus = { pending: 0, recorded: 0, failed: 0, dropped: 0, lastError: null };
  readonly connection: Connection;
  #salt = '';
  #version: string | null = null;
  /** Exchanges recorded since the database was opened. */
  #sinceOpen = 0;
  #working: Promise<void> | null = null;
  #closed = false;
  #statusTimer: NodeJS.Timeout | null = null;
  #idle: (() => void)[] = [];
  /** Reads under way; the next transaction waits for them. */
  readonly #reads = new Set<Promise<unknown>>();

  constructor(options: RecorderOptions, leftBehind: string[], creator: URL | null, host: RecorderHost) {
    this.#options = options;
    this.#host = host;
    this.#backlog = new Backlog(options.journalDir, leftBehind);
    this.#events = new EventBatch((event) => {
      host.onEvent(event);
    });
    const { dataDir, databaseUrl, migrationsDir } = options;
    this.connection = new Connection(
      { dataDir, databaseUrl, migrationsDir, creator },
      {
        prepare: async ({ db }) => {
          this.#salt = options.salt ?? (await loadSalt(db));
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
  }

  start(): void {
    this.connection.connect();
  }

  journal(notes: JournalNote[]): void {
    for (const note of notes) this.#backlog.note(note);
    this.#changedStatus();
    this.#work();
  }

  /** Resolves when all that was noted is recorded, or cannot be for now. */
  async drain(): Promise<void> {
    const settled = (): boolean =>
      this.#backlog.pending === 0 || (this.connection.database === null && this.connection.error !== null);
    while (!settled() && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#idle.push(resolve);
        if (this.connection.database !== null) this.#work();
      });
    }
    this.#events.flush();
  }

  /** Runs a read before the next transaction. */
  async read<T>(work: () => Promise<T>): Promise<T> {
    const reading = work();
    const settled = reading.then(
      () => undefined,
      () => undefined,
    );
    this.#reads.add(settled);
    try {
      return await reading;
    } catch (error) {
      if (isUnavailable(error)) void this.connection.lost(error);
      throw error;
    } finally {
      this.#reads.delete(settled);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#working;
    this.#events.flush();
    if (this.#statusTimer !== null) clearTimeout(this.#statusTimer);
    this.#tellStatus();
    this.#backlog.close();
    await this.connection.close();
  }

  #opened(version: string): void {
    this.#version = version;
    this.#sinceOpen = 0;
    this.#counters.lastError = null;
    this.#host.onSalt(this.#salt);
    this.#tellStatus();
    // Whoever asked while the database was away was refused, and asks again now.
    this.#host.onEvent({ name: 'resync', ids: [] });
    this.#host.onReady();
    this.#work();
  }

  #away(error: NexusError): void {
    this.#counters.lastError = error.message;
    this.#tellStatus();
    this.#host.onLog('warn', error.message, { code: error.code });
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
    return this.#backlog.next() !== null || this.#backlog.unread() !== null;
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      await macrotask();
      const database = this.connection.database;
      if (database === null) return;
      // PGlite has one connection: whoever asks now is answered before the next transaction begins.
      if (database.engine === 'pglite') await Promise.all(this.#reads);
      const unread = this.#backlog.unread();
      if (unread !== null) {
        await this.#attempt(unread, () => unread.read());
        continue;
      }
      const track = this.#backlog.next();
      if (track === null) return;
      await this.#attempt(track, () => this.#step(database, track));
      this.#changedStatus();
    }
  }

  async #step(database: Database, track: Track): Promise<void> {
    const step = track.steps[0]!;
    const exchange = track.exchange!;
    const context: RecordContext = { database, salt: this.#salt };
    let changes: Change[];
    if (step.kind === 'begin') changes = await recordRequest(context, exchange);
    else if (step.kind === 'calls') changes = await recordCalls(context, exchange, step.calls, step.at);
    else changes = await recordEnd(context, exchange, step.end, step.at);
    this.#events.add(changes);
    track.steps.shift();
    track.attempts = 0;
    if (step.kind === 'begin') exchange.dropRequest();
    if (step.kind !== 'finish') return;
    this.#counters.recorded++;
    if (isTimeToAnalyze(++this.#sinceOpen)) await database.analyze();
  }

  /** One piece of work on a track: repeated after a failure, given up after three, put off while the database is away. */
  async #attempt(track: Track, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      if (track.done) {
        this.#backlog.forget(track);
        track.remove();
      }
    } catch (error) {
      if (isUnavailable(error)) {
        await this.connection.lost(error);
        return;
      }
      track.attempts++;
      const fields = { exchange: track.id, attempt: track.attempts, error: stackOf(error) };
      this.#host.onLog('error', 'An exchange could not be recorded', fields);
      if (track.attempts < MOST_ATTEMPTS && track.pending) return;
      await this.#giveUp(track, error);
    }
  }

  async #giveUp(track: Track, error: unknown): Promise<void> {
    this.#counters.failed++;
    this.#counters.lastError = `Exchange ${track.id} could not be recorded (${reason(error)}); its journal file is kept in ${this.#options.journalDir}/failed.`;
    this.#backlog.bury(track);
    const tenant = track.exchange?.head.tenant;
    try {
      track.setAside();
      const db = this.connection.database?.db;
      if (db !== undefined && tenant !== undefined) await failUnrecorded(db, tenant, track.id);
    } catch (cause) {
      this.#host.onLog('error', 'A journal file could not be set aside', {
        exchange: track.id,
        error: stackOf(cause),
      });
    }
  }

  #settle(): void {
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }

  #changedStatus(): void {
    this.#statusTimer ??= setTimeout(() => {
      this.#tellStatus();
    }, STATUS_MS);
  }

  #tellStatus(): void {
    if (this.#statusTimer !== null) clearTimeout(this.#statusTimer);
    this.#statusTimer = null;
    this.#counters.pending = this.#backlog.pending;
    const engine: DatabaseStatus['engine'] = this.#options.databaseUrl === null ? 'pglite' : 'postgresql';
    this.#host.onStatus({ database: { engine, version: this.#version }, recorder: { ...this.#counters } });
  }
}

/** Soon after the start, when a new store has its first rows, then now and then. */
const isTimeToAnalyze = (recorded: number): boolean =>
  recorded === 20 || recorded === 200 || recorded % 1000 === 0;

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : ` | cause: ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
