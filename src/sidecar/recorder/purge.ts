import type { Removed } from '../../protocol/storage.ts';
import { isContention } from '../store/availability.ts';
import type { Database } from '../store/database.ts';
import {
  deleteRequests,
  deleteSideCalls,
  ownSessions,
  type ConversationKey,
  type DeletedExchanges,
} from '../store/delete-conversation.ts';
import { sweepSlice, tenantsToSweep } from '../store/sweep.ts';
import { Pace } from './pace.ts';

/** Runs one slice of long work between two transactions of the recorder. */
export type RunSlice = <T>(slice: (database: Database) => Promise<T>) => Promise<T>;

const LARGEST = 500;
/** On a machine that is busy with something else a smaller slice takes as long. */
const SMALLEST = 8;
const FIRST = 10;
/** How often a slice that another process is in the way of is tried again. */
const MOST_TRIES = 20;

export const nothing = (): Removed => ({ conversations: 0, exchanges: 0, blocks: 0, bytes: 0 });

/** Removes what is left of a conversation that is marked as deleted, and adds up what that was. */
export async function purgeConversation(
  run: RunSlice,
  conversation: ConversationKey,
  removed: Removed,
): Promise<void> {
  const sessions = await run(({ db }) => ownSessions(db, conversation));
  if (sessions.length > 0) {
    await untilDone(run, removed, (database, size) =>
      deleteSideCalls(database, conversation.tenant, sessions, size),
    );
  }
  await untilDone(run, removed, (database, size) => deleteRequests(database, conversation, size));
  removed.conversations++;
}

/** Removes all content that has lost its last reference. */
export async function sweep(run: RunSlice, removed: Removed): Promise<void> {
  for (const tenant of await run(({ db }) => tenantsToSweep(db))) {
    const pace = new Pace(SMALLEST, LARGEST, FIRST);
    for (let stuck = 0; stuck < MOST_TRIES;) {
      const size = pace.size;
      const swept = await run(async (database) => {
        const slice = await pace.time(() => sweepSlice(database, tenant, size));
        if (slice.nodes + slice.blocks > 0) database.known.forget();
        return slice;
      });
      removed.blocks += swept.blocks;
      removed.bytes += swept.bytes;
      if (swept.done) break;
      // Another process has just referred to all of it: most likely it stays.
      stuck = swept.moved ? 0 : stuck + 1;
    }
  }
}

/** Repeats a slice for as long as another process of the same database wins against it. */
export async function againstContention<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!isContention(error) || tries === MOST_TRIES) throw error;
    }
  }
}

async function untilDone(
  run: RunSlice,
  removed: Removed,
  slice: (database: Database, size: number) => Promise<DeletedExchanges>,
): Promise<void> {
  const pace = new Pace(SMALLEST, LARGEST, FIRST);
  for (let done = false; !done;) {
    const deleted = await run((database) => pace.time(() => slice(database, pace.size)));
    removed.exchanges += deleted.exchanges;
    removed.bytes += deleted.bytes;
    done = deleted.done;
  }
}
