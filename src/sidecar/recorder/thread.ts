import type { NexusEvent } from '../../protocol/events.ts';
import type { DatabaseStatus, RecorderStatus } from '../../protocol/status.ts';
import type { JournalNote } from '../core/frames.ts';
import type { RedactBodies } from '../core/redact-edits.ts';
import type { StoreCommands } from '../store/commands.ts';
import type { StoreReads } from '../store/reads.ts';
import type { StatementLogOptions } from '../store/statement-log.ts';
import type { TallySnapshot } from './tally.ts';

/** What the worker thread is started with. */
export interface RecorderOptions {
  dataDir: string;
  journalDir: string;
  migrationsDir: string;
  databaseUrl: string | null;
  /** HMAC key of account ids when configured; else the store's own, told back by `onSalt`. */
  salt: string | null;
  /** Which secrets are masked in bodies (SPEC 3.3). */
  redactBodies: RedactBodies;
  /** The product's own keys (the token, the path key, client keys): masked wherever they appear, unless `redactBodies` is `none`. */
  ownSecrets: readonly string[];
  /** Retention (SPEC 3.7): days since a conversation's last request, bytes of the whole store; 0 is no limit. */
  retention: { days: number; bytes: number };
  /** When retention runs: first after the database was opened, then again and again, in ms (15 s and an hour). */
  housekeepingMs?: { first: number; every: number };
  /** Live mode (`STORAGE_ENABLED=false`): everything is in memory, and only the newest of it; null: kept. */
  live: LiveLimits | null;
  /** What is logged of statements (SPEC 11.3); default: nothing. */
  statements?: StatementLogOptions;
  /** Where one masked sample per kind of request is kept (SPEC 3.9), or null. */
  samplesDir: string | null;
}

/** How much live mode keeps. */
export interface LiveLimits {
  /** Exchanges in the store. */
  exchanges: number;
  /** Bytes of their content, as stored. */
  bytes: number;
  /** Bytes that wait for the recorder: beyond it the oldest exchanges that wait are dropped. */
  waitingBytes: number;
}

export interface RecorderListener {
  onEvent(event: NexusEvent): void;
  onStatus(status: { database: DatabaseStatus; recorder: RecorderStatus; tally?: TallySnapshot }): void;
  onSalt(salt: string): void;
  /** Live mode: so many bytes of notes are no longer held in the thread. */
  onReleased(bytes: number): void;
  onLog(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields: Record<string, unknown>): void;
}

/** The main thread's handle of the recorder thread. */
export interface RecorderThread {
  /** Resolves when the database is open and the journal's backlog is being worked on; never rejects for a database
   * that is away (that is shown in the status and tried again), rejects for one that must not be used. */
  ready: Promise<void>;
  /** Cheap and synchronous: posts to the thread. The caller batches. */
  journal(notes: JournalNote[]): void;
  /** Runs a store function in the thread; the answer is UTF-8 JSON (`null` for an unknown id). Throws NexusError. */
  read<K extends keyof StoreReads>(name: K, ...args: Parameters<StoreReads[K]>): Promise<Uint8Array>;
  /** The same; a read in several slices ends with `null` when the signal says that nobody waits for it any more. */
  readUntil<K extends keyof StoreReads>(
    signal: AbortSignal,
    name: K,
    ...args: Parameters<StoreReads[K]>
  ): Promise<Uint8Array>;
  /** Has something done to the store, between the recorder's transactions; the answer as that of `read`. */
  command<K extends keyof StoreCommands>(name: K, ...args: Parameters<StoreCommands[K]>): Promise<Uint8Array>;
  /** From now on these are the product's own keys: client keys come and go. */
  setOwnSecrets(secrets: readonly string[]): void;
  /** Resolves when everything noted so far is recorded (or known to have failed). */
  drain(): Promise<void>;
  close(): Promise<void>;
}
