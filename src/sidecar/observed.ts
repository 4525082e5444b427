import type { NexusEvent } from '../protocol/events.ts';
import type { DatabaseStatus, RecorderStatus } from '../protocol/status.ts';
import type { JournalStats } from './proxy/journal.ts';
import { emptyTally, type TallySnapshot } from './recorder/tally.ts';

/** What the recorder thread told last of itself and its database. */
export interface Observed {
  readonly database: DatabaseStatus;
  readonly recorder: RecorderStatus;
  /** What the thread has counted since its start. */
  readonly tally: TallySnapshot;
  update: (next: { database: DatabaseStatus; recorder: RecorderStatus; tally?: TallySnapshot }) => void;
  /** Resolves when the database has been opened, or has failed to, for the first time. */
  readonly known: Promise<void>;
  /** Recording cannot work at all until somebody does something. */
  fail: (message: string) => void;
}

/** Keeps the newest status and calls `publish` when something changed that a user should see (not every count). */
export function observeRecorder(
  engine: DatabaseStatus['engine'],
  publish: (event: NexusEvent) => void,
): Observed {
  let database: DatabaseStatus = { engine, version: null };
  let recorder: RecorderStatus = { pending: 0, recorded: 0, failed: 0, dropped: 0, lastError: null };
  let tally = emptyTally();
  const known = Promise.withResolvers<undefined>();
  const visible = (): string =>
    JSON.stringify([
      database,
      recorder.failed,
      recorder.dropped,
      recorder.lastError,
      // A backlog is told of when its order of magnitude changes.
      recorder.pending < 10 ? 0 : Math.floor(Math.log10(recorder.pending)),
    ]);
  const change = (apply: () => void): void => {
    const before = visible();
    apply();
    if (database.version !== null || recorder.lastError !== null) known.resolve(undefined);
    if (visible() !== before) publish({ name: 'status', ids: [] });
  };
  return {
    known: known.promise,
    get database() {
      return database;
    },
    get recorder() {
      return recorder;
    },
    get tally() {
      return tally;
    },
    update: (next) => {
      tally = next.tally ?? tally;
      change(() => ({ database, recorder } = next));
    },
    fail: (message) => {
      change(() => (recorder = { ...recorder, lastError: message }));
    },
  };
}

/** The recorder's status with what its journal, in the proxy's thread, had to give up. */
export function withJournal(recorder: RecorderStatus, lost: JournalStats): RecorderStatus {
  return {
    ...recorder,
    dropped: recorder.dropped + lost.dropped,
    late: lost.late,
    lastDrop: lost.lastDrop ?? recorder.lastDrop ?? null,
    // Exchanges that are lost now are worse news than such as wait.
    lastError: lost.lastError ?? recorder.lastError,
    lastErrorAt: lost.lastErrorAt ?? recorder.lastErrorAt ?? null,
  };
}
