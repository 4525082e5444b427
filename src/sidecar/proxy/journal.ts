import { join } from 'node:path';
import type { JournalNote, RequestHead } from '../core/frames.ts';
import { reason } from '../errors.ts';
import type { Log } from '../log.ts';
import { journalFiles, type JournalFiles } from './files.ts';
import { JournalFile, type JournalFileContext } from './journal-file.ts';

export interface JournalStats {
  /** Exchanges whose recording was given up, wholly or from some frame on, since start. */
  dropped: number;
  /** Exchanges whose client got its last byte before the journal had it (a slow disk). */
  late: number;
  /** What keeps the journal from taking exchanges now; null again once one was taken to its end. */
  lastError: string | null;
  /** When that was last seen, in ms since the epoch. */
  lastErrorAt: number | null;
  /** Why the last one was dropped. */
  lastDrop: string | null;
}

export interface Journal {
  /** Opens the file of one exchange and writes its first frame, with the request body if that is known. Never throws. */
  begin(head: RequestHead, body?: Buffer | null): ExchangeJournal;
  stats(): JournalStats;
  /** Hands over what has not been told yet, at once. For shutdown, after the proxy is closed. */
  flush(): void;
}

/** The journal of one exchange; see `JournalFile`. */
export type ExchangeJournal = Pick<
  JournalFile,
  'body' | 'responseHead' | 'chunk' | 'flush' | 'end' | 'unsettled' | 'late'
>;

export interface JournalOptions {
  dir: string;
  /** Told `noteMs` after something was written, all of it at once, from an unref'd timer. */
  onNotes: (notes: JournalNote[]) => void;
  log: Log;
  /** Called when recording begins to be dropped, and when it works again. */
  onTrouble?: () => void;
  /** Total size of the directory at which recording (never traffic) stops. Default 2 GB. */
  capBytes?: number;
  slowMs?: number;
  queueBytes?: number;
  noteMs?: number;
  /** How long to wait before a full disk is tried again, ms. */
  probeMs?: number;
  now?: () => number;
  clock?: () => number;
  files?: JournalFiles;
}

/**
 * Long enough that a short answer is over by then and told with its request; short enough that the recorder has stored
 * the request before a model says its first word, instead of working for it while the answer comes in.
 */
const NOTE_MS = 5;

/**
 * Opens the write-ahead journal: the one channel from the proxy to the recorder (ARCHITECTURE §3). Creates the
 * directory; throws Node's error when that is impossible, since then nothing could ever be recorded.
 */
export function openJournal(options: JournalOptions): Journal {
  const files = options.files ?? journalFiles;
  const now = options.now ?? Date.now;
  const clock = options.clock ?? (() => performance.now());
  const capBytes = options.capBytes ?? 2 * 1024 ** 3;
  const probeMs = options.probeMs ?? 1000;
  const stats: JournalStats = { dropped: 0, late: 0, lastError: null, lastErrorAt: null, lastDrop: null };
  /** What `dropped` was when the present trouble began. */
  let droppedBefore = 0;
  const trouble = (message: string): void => {
    const begins = stats.lastError === null;
    stats.lastError = message;
    stats.lastErrorAt = now();
    if (!begins) return;
    droppedBefore = stats.dropped;
    options.onTrouble?.();
  };
  const works = (): void => {
    if (stats.lastError === null) return;
    stats.lastError = null;
    stats.lastErrorAt = null;
    options.log.info('The journal takes exchanges again', { dropped: stats.dropped - droppedBefore });
    options.onTrouble?.();
  };

  files.makeDirectory(options.dir);

  // How much is on disk: measured now and then (the recorder deletes files), plus what was written since.
  let measured = 0;
  let written = 0;
  let measuring = false;
  let measuredAt = -Infinity;
  const measure = (): void => {
    if (measuring || clock() - measuredAt < probeMs) return;
    measuring = true;
    const before = written;
    files.usage(options.dir).then(
      (bytes) => {
        measured = bytes;
        written -= before;
        measuredAt = clock();
        measuring = false;
      },
      (error: unknown) => {
        trouble(reason(error));
        measuredAt = clock();
        measuring = false;
      },
    );
  };
  measure();

  let blockedUntil = -Infinity;
  let slowUntil = -Infinity;
  const pending = new Map<string, JournalNote>();
  let timer: NodeJS.Timeout | null = null;
  const flush = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (pending.size === 0) return;
    const notes = [...pending.values()];
    pending.clear();
    options.onNotes(notes);
  };
  const drop = (id: string, error: Error): void => {
    trouble(error.message);
    stats.dropped++;
    stats.lastDrop = error.message;
    options.log.error('The recording of an exchange was given up; traffic goes on', {
      id,
      error: error.message,
    });
  };

  const context: Omit<JournalFileContext, 'slowNow'> = {
    files,
    now,
    clock,
    slowMs: options.slowMs ?? 50,
    queueBytes: options.queueBytes ?? 64 * 1024 ** 2,
    admit(bytes) {
      if (written > capBytes / 16 || measured > capBytes / 2) measure();
      return measured + written + bytes > capBytes
        ? new Error(`the journal has reached its limit of ${String(capBytes)} bytes: is the database away?`)
        : null;
    },
    grown(id, size, added, ended) {
      written += added;
      // A small one may still fit where a large one did not: only after a moment without refusals is it over.
      if (ended && added > 0 && clock() >= blockedUntil) works();
      pending.set(id, { id, size, ended });
      timer ??= setTimeout(flush, options.noteMs ?? NOTE_MS).unref();
    },
    slow() {
      slowUntil = clock() + probeMs;
    },
    late(id) {
      stats.late++;
      options.log.warn('A client was answered before the journal had all of it', { id });
    },
    dropped(id, error) {
      drop(id, error);
      // The disk itself refused: leave it alone for a moment, the next exchange after that is the probe.
      if ('code' in error) blockedUntil = clock() + probeMs;
    },
    problem(error) {
      trouble(error.message);
    },
  };

  return {
    begin(head, body = null) {
      const refusal = clock() < blockedUntil ? new Error(stats.lastDrop ?? 'no room') : context.admit(0);
      if (refusal === null) {
        const slowNow = clock() < slowUntil;
        return new JournalFile(join(options.dir, `${head.id}.nxj`), head, body, { ...context, slowNow });
      }
      drop(head.id, refusal);
      return nothing;
    },
    stats: () => ({ ...stats }),
    flush,
  };
}

const ignore = (): void => undefined;

/** Stands in where nothing is recorded. */
export const nothing: ExchangeJournal = {
  body: ignore,
  responseHead: ignore,
  chunk: ignore,
  flush: ignore,
  end: ignore,
  unsettled: () => null,
  late: ignore,
};
