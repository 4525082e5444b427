import { z } from 'zod';

/** The storage page: what the store holds, and what was deleted from it. Sizes are bytes. */

const files = z.object({ files: z.number(), bytes: z.number() });

const slowQuery = z.object({
  /** The statement without its values. */
  query: z.string(),
  calls: z.number(),
  meanMs: z.number(),
  maxMs: z.number(),
});
export type SlowQuery = z.infer<typeof slowQuery>;

/** What housekeeping is at, and how far. `waiting`: tasks behind it. */
const housekeepingState = z.object({
  task: z.enum(['delete', 'prune', 'vacuum', 'relink', 'rebuild']).nullable(),
  detail: z.string(),
  waiting: z.number(),
});
export type HousekeepingState = z.infer<typeof housekeepingState>;

/**
 * `GET /api/storage`. `totalBytes` is what the tables and their indexes take on disk. Numbers of rows, and the bytes
 * of a kind, are exact in small stores and estimates in large ones (`estimated`).
 */
export const storageReport = z.object({
  totalBytes: z.number(),
  exchanges: z.number(),
  blocks: z.number(),
  bytesPerExchange: z.number(),
  estimated: z.boolean(),
  byKind: z.array(z.object({ kind: z.string(), rows: z.number(), bytes: z.number() })),
  growthPerDay: z.array(z.object({ date: z.string(), bytes: z.number() })),
  database: z.object({
    connections: z.number(),
    slowQueries: z.array(slowQuery),
    tables: z.array(
      z.object({ name: z.string(), rows: z.number(), bytes: z.number(), indexBytes: z.number() }),
    ),
  }),
  /** Turns that a search finds by the index, and those that wait to be put into it. */
  search: z.object({ indexed: z.number(), waiting: z.number() }),
  journal: z.object({ waiting: files, failed: files }),
  housekeeping: housekeepingState,
});
export type StorageReport = z.infer<typeof storageReport>;

/** What was deleted. `bytes`: of the rows and their index entries, about; the files keep the room for new rows. */
const removed = z.object({
  conversations: z.number(),
  exchanges: z.number(),
  blocks: z.number(),
  bytes: z.number(),
});
export type Removed = z.infer<typeof removed>;

/** `done` false: it takes longer than a request may; it goes on, and `GET /api/storage` says how far it is. */
export const deletedConversation = z.object({
  conversationId: z.string(),
  done: z.boolean(),
  removed,
});
export type DeletedConversation = z.infer<typeof deletedConversation>;

export const pinnedConversation = z.object({ conversationId: z.string(), pinned: z.boolean() });
export type PinnedConversation = z.infer<typeof pinnedConversation>;

/**
 * Body of `POST /api/storage/prune`. What is left out is taken from the settings (0: no limit). `dryRun` counts the
 * conversations that would go, their bytes being what was stored with them (less, where others use it too), and
 * deletes nothing; side calls that go with them are not in its count.
 */
export const pruneBody = z.strictObject({
  olderThanDays: z.number().min(0).max(36_500).optional(),
  maxBytes: z.number().int().min(0).optional(),
  dryRun: z.boolean().default(false),
});
export type PruneBody = z.infer<typeof pruneBody>;

export const pruneReport = z.object({
  done: z.boolean(),
  dryRun: z.boolean(),
  /** Another sidecar on the same database is pruning: nothing was done here. */
  elsewhere: z.boolean(),
  removed,
});
export type PruneReport = z.infer<typeof pruneReport>;

/** Sizes with indexes, before and after; a plain vacuum makes room within the files and gives back their empty end. */
export const vacuumReport = z.object({
  done: z.boolean(),
  tables: z.array(z.object({ name: z.string(), bytesBefore: z.number(), bytesAfter: z.number() })),
});
export type VacuumReport = z.infer<typeof vacuumReport>;
