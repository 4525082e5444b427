import type { Database } from '../store/database.ts';
import { markDeleted } from '../store/delete-conversation.ts';
import { deleteOldest, deleteOldestBeside, measureLive, reuseSpace } from '../store/live-ring.ts';
import { oldConversations } from '../store/retention.ts';
import { nothing, purgeConversation, sweep, type RunSlice } from './purge.ts';
import type { Change } from './record.ts';
import type { LiveLimits } from './thread.ts';

/** Looked at after every so many exchanges, as a part of the limit; so much more than the limit can be there. */
const STEP = 1 / 10;
/** The room of what was deleted is made usable again after so many exchanges. */
const REUSE_AFTER = 50;

/** Keeps live mode within its limits: the newest exchanges stay. */
export class LiveRing {
  readonly #limits: LiveLimits;
  readonly #every: number;
  #recorded = 0;
  #lookedAt = 0;
  #reusedAt = 0;

  constructor(limits: LiveLimits) {
    this.#limits = limits;
    this.#every = Math.max(1, Math.floor(limits.exchanges * STEP));
  }

  /** Call after every exchange that was recorded. */
  recorded(): void {
    this.#recorded++;
  }

  /** Deletes now and then. */
  async keep(database: Database): Promise<Change[]> {
    if (this.#recorded - this.#lookedAt < this.#every) return [];
    this.#lookedAt = this.#recorded;
    const changes: Change[] = [];
    for (;;) {
      const { exchanges, bytes } = await measureLive(database.db);
      const over = exchanges - this.#limits.exchanges;
      if (over <= 0 && bytes <= this.#limits.bytes) break;
      const gone = await deleteSome(database, Math.max(over, 1));
      if (gone === null) break;
      changes.push(...gone);
      // All at once: nobody else works on this database, and there is not much of it.
      await sweep((slice) => slice(database), nothing());
    }
    // Also when nothing was deleted: each exchange changes the row of its conversation twice.
    if (this.#recorded - this.#reusedAt >= REUSE_AFTER) {
      this.#reusedAt = this.#recorded;
      await reuseSpace(database.db);
    }
    return changes;
  }
}

/**
 * The conversation nobody has added to for the longest time, as a whole; before it, what is older and of no
 * conversation. Where there is but one (or the others run, or are pinned), the `over` oldest exchanges of all. null:
 * nothing may go.
 */
async function deleteSome(database: Database, over: number): Promise<Change[] | null> {
  const run: RunSlice = (slice) => slice(database);
  const [oldest, another] = await oldConversations(database.db, Infinity, null, 2);
  if (oldest !== undefined && another !== undefined) {
    const beside = await deleteOldestBeside(database, oldest.lastAt, over);
    if (beside.exchanges > 0) return [];
    const marked = await markDeleted(database, oldest.id, oldest.lastAt);
    if (marked !== null) {
      await purgeConversation(run, marked, nothing());
      return [['conversation.deleted', marked.id]];
    }
  }
  const { exchanges, changed, deleted } = await deleteOldest(database, over);
  if (exchanges === 0) return null;
  return [
    ...changed.map((id): Change => ['conversation.changed', id]),
    ...deleted.map((id): Change => ['conversation.deleted', id]),
  ];
}
