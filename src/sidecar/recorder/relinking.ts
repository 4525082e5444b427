import type { HousekeepingState } from '../../protocol/storage.ts';
import type { RebuildBody, RebuildState } from '../../protocol/rebuild.ts';
import { busy, reason } from '../errors.ts';
import type { Database } from '../store/database.ts';
import { dropDraft } from '../store/draft.ts';
import { tenantsToRelink } from '../store/relink-list.ts';
import type { RunSlice } from './purge.ts';
import { nothingYet, Rebuild, relinkAll } from './rebuild.ts';
import type { Change } from './record.ts';
import { rehash } from './rehash.ts';
import type { RecorderListener } from './thread.ts';

/** What of housekeeping it is done with: one task at a time, in slices. */
export interface RelinkingHost {
  database(): Database | null;
  /** Slices when nothing waits to be recorded, soon, and soon even when the program ends. */
  idle: RunSlice;
  soon: RunSlice;
  last: RunSlice;
  readonly inBackground: (
    what: string,
    task: NonNullable<HousekeepingState['task']>,
    work: () => Promise<void>,
  ) => void;
  readonly progress: (detail: string) => void;
  readonly tell: (changes: Change[]) => void;
  log: RecorderListener['onLog'];
}

/** Links stored exchanges anew: those on the list as soon as nothing else waits, others when a rebuild is asked for. */
export class Relinking {
  readonly #host: RelinkingHost;
  /** Asked for, and not yet begun. */
  #waits = false;
  #rebuild: Rebuild | null = null;

  constructor(host: RelinkingHost) {
    this.#host = host;
  }

  /** The database is open (again): what an earlier life has left, and hashes of an older version. */
  opened(): void {
    const host = this.#host;
    host.inBackground('Computing link hashes anew', 'relink', async () => {
      const count = await rehash(host.soon, host.log);
      if (count > 0) {
        host.log('info', 'Link hashes of an older version were computed anew', { requests: count });
      }
      await host.database()?.unlessOthers(() => host.idle(({ db }) => dropDraft(db)));
      if ((await host.idle(({ db }) => tenantsToRelink(db))).length > 0) this.relinkSoon();
    });
  }

  /** Something is on the list. */
  relinkSoon(): void {
    if (this.#waits) return;
    this.#waits = true;
    const { log, tell } = this.#host;
    this.#host.inBackground('Linking anew', 'relink', async () => {
      this.#waits = false;
      const changed = await relinkAll(this.#host.idle, { tell, log });
      if (changed > 0) {
        log('info', 'Requests were linked anew after an earlier one came', { requests: changed });
      }
    });
  }

  /** Begins a rebuild; refused while one is under way. */
  rebuild(body: RebuildBody): RebuildState {
    if (this.#underWay()) {
      throw busy('A rebuild is under way: wait for its end, or cancel it.');
    }
    const { log, tell } = this.#host;
    const rebuild = new Rebuild(body, { tell, log });
    this.#rebuild = rebuild;
    this.#host.inBackground('The rebuild', 'rebuild', async () => {
      try {
        await this.#run(rebuild);
      } catch (error) {
        rebuild.fail(reason(error));
        throw error;
      }
      const { apply, examined, changed, state } = rebuild.state;
      log('info', 'A rebuild has ended', { state, apply, examined, changed });
    });
    return this.state();
  }

  /** Asks the rebuild under way to end after the step it is at; what it has changed by then stays. */
  cancel(): RebuildState {
    if (this.#underWay()) this.#rebuild?.cancel();
    return this.state();
  }

  state(): RebuildState {
    return this.#rebuild?.state ?? nothingYet;
  }

  #underWay(): boolean {
    const state = this.#rebuild?.state.state;
    return state === 'waiting' || state === 'running';
  }

  async #run(rebuild: Rebuild): Promise<void> {
    const alone = await this.#host.database()?.unlessOthers(async () => {
      await rebuild.run(async (slice) => {
        const { examined, total, changed } = rebuild.state;
        const of = total === null ? '' : ` of ${String(total)}`;
        this.#host.progress(`${String(examined)}${of} requests looked at, ${String(changed)} changed`);
        return this.#host.soon(slice);
      }, this.#host.last);
    });
    if (alone === undefined) rebuild.fail('The database is away.');
    if (alone === false) {
      rebuild.fail('Another sidecar is at work on this database: try again when it is done.');
    }
  }
}
