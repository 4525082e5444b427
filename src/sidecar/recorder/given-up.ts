import { redactText } from '../core/redact.ts';
import { reason, stackOf } from '../errors.ts';
import { isUnavailable } from '../store/availability.ts';
import type { Database } from '../store/database.ts';
import { failUnrecorded } from '../store/exchanges.ts';
import type { RecorderListener, RecorderOptions } from './thread.ts';
import type { Track } from './track.ts';

/** Exchanges that cannot be recorded, until they are shown as failed in the store and their files are out of the way. */
export class GivenUp {
  readonly #options: Pick<RecorderOptions, 'redactBodies' | 'journalDir'>;
  readonly #log: RecorderListener['onLog'];
  readonly #tracks: Track[] = [];

  constructor(options: Pick<RecorderOptions, 'redactBodies' | 'journalDir'>, log: RecorderListener['onLog']) {
    this.#options = options;
    this.#log = log;
  }

  get size(): number {
    return this.#tracks.length;
  }

  /** Answers with what became of it, in a sentence. */
  add(track: Track, error: unknown): string {
    // What lies in it is masked only on its way into the store: with `all` it must not lie about for weeks.
    const fate =
      this.#options.redactBodies === 'all'
        ? 'its journal file is not kept, because REDACT_BODIES is "all" and its bodies are not masked'
        : `its journal file is kept in ${this.#options.journalDir}/failed`;
    const told = `Exchange ${track.id} could not be recorded (${redactText(reason(error)).text}); ${fate}.`;
    this.#log('error', told, { exchange: track.id });
    this.#tracks.push(track);
    return told;
  }

  /**
   * Puts the first of them right: first the row, then the file. An end in between leaves a file that is looked at again,
   * and no row that runs for ever. Throws when the database is away: then it is still the first.
   */
  async settleFirst(database: Database): Promise<void> {
    const track = this.#tracks[0];
    if (track === undefined) return;
    const tenant = track.exchange?.head.tenant;
    try {
      if (tenant !== undefined) await failUnrecorded(database, tenant, track.id);
      if (this.#options.redactBodies === 'all') track.remove();
      else track.setAside();
    } catch (error) {
      if (isUnavailable(error)) throw error;
      const fields = { exchange: track.id, error: stackOf(error) };
      this.#log('error', 'A journal file could not be set aside', fields);
    }
    this.#tracks.shift();
  }
}
