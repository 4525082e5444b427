import { stackOf } from '../errors.ts';
import { isContention, isUnavailable } from '../store/availability.ts';
import type { Database } from '../store/database.ts';
import type { Backlog } from './backlog.ts';
import type { Connection } from './connection.ts';
import type { GivenUp } from './given-up.ts';
import type { StatusTeller } from './status-teller.ts';
import type { RecorderListener } from './thread.ts';
import type { Track } from './track.ts';

/** A step that fails this often for a reason of its own is a bug in it: its file must not block the others. */
const MOST_ATTEMPTS = 3;

interface Affected {
  backlog: Backlog;
  connection: Connection;
  givenUp: GivenUp;
  status: StatusTeller;
  log: RecorderListener['onLog'];
}

/** Pieces of work on exchanges, and what their failures mean for them. */
export class Attempts {
  readonly #affected: Affected;

  constructor(affected: Affected) {
    this.#affected = affected;
  }

  /** One piece of work on a track: repeated after a failure, given up after three, put off while the database is away. */
  async run(database: Database, track: Track, work: () => Promise<void>): Promise<void> {
    const { backlog, connection } = this.#affected;
    try {
      await work();
      if (track.done) {
        backlog.forget(track);
        track.remove();
      }
    } catch (error) {
      if (isUnavailable(error)) await connection.lost(database, error);
      // Another sidecar on the same PostgreSQL was in the way: nothing is wrong with this exchange.
      else if (!isContention(error)) this.#failed(track, error);
    }
  }

  #failed(track: Track, error: unknown): void {
    const { backlog, givenUp, status, log } = this.#affected;
    track.attempts++;
    const fields = { exchange: track.id, attempt: track.attempts, error: stackOf(error) };
    log('error', 'An exchange could not be recorded', fields);
    if (track.attempts < MOST_ATTEMPTS && track.pending) return;
    status.counters.failed++;
    status.counters.lastFailure = givenUp.add(track, error);
    backlog.bury(track);
  }
}
