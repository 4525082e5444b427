import { setImmediate as macrotask } from 'node:timers/promises';
import type { HousekeepingState, StorageReport } from '../../protocol/storage.ts';
import type { ChainCache } from './chain-cache.ts';
import type { Database } from './database.ts';
import { readComparison, readDocument } from './documents.ts';
import { exportRequest, exportSteps, planExport } from './export.ts';
import { listConversations } from './list-conversations.ts';
import { listRequests } from './list-requests.ts';
import { readConversation } from './read-conversation.ts';
import { readExchange, readLink } from './read-exchange.ts';
import type { StoreReads } from './reads.ts';
import { getStats } from './stats.ts';
import { searchMessages, type SearchSlice } from './search.ts';
import { readStorage } from './storage-report.ts';

/** What reads need beside the database. */
interface AroundTheStore {
  journal(): Promise<StorageReport['journal']>;
  housekeeping(): HousekeepingState;
  /** What an export says it was made by, and the product's own keys as they are now. */
  generator: string;
  ownSecrets: readonly string[];
  /** Kept from one read to the next. */
  chains: ChainCache;
  /** For reads that take long: runs a part of one. */
  slice: SearchSlice;
}

/** The control API's questions, answered from an open database. */
export function createReads(database: Database, around: AroundTheStore): StoreReads {
  const { db } = database;
  const exporting = { store: database, ...around };
  return {
    listConversations: (query) => listConversations(database, query),
    getConversation: (id) => whenId(id, () => readConversation(database, id)),
    listRequests: (query) => listRequests(database, query),
    getRequest: (id, fields) => whenId(id, () => readExchange(db, id, fields)),
    getLink: (id) => whenId(id, () => readLink(db, id)),
    search: (query) => searchMessages(database, query, around.slice),
    getStats: (query) => getStats(db, query),
    getStorage: async () => ({
      ...(await readStorage(database, macrotask)),
      journal: await around.journal(),
      housekeeping: around.housekeeping(),
    }),
    getDocument: (id, part) => whenId(id, () => readDocument(db, id, part)),
    getComparison: (id, other) => whenId(id, () => readComparison(db, id, other)),
    planExport: (id, query) => whenId(id, () => planExport(exporting, id, query)),
    exportSteps: (steps, query) => exportSteps(exporting, steps, query),
    exportRequest: (id, redact) => whenId(id, () => exportRequest(exporting, id, redact)),
  };
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What cannot be an id is an unknown one. */
async function whenId<T>(id: string, read: () => Promise<T | null>): Promise<T | null> {
  return UUID.test(id) ? read() : null;
}
