import { listConversations } from './list-conversations.ts';
import { listRequests } from './list-requests.ts';
import { readConversation } from './read-conversation.ts';
import { readExchange, readLink } from './read-exchange.ts';
import type { StoreReads } from './reads.ts';
import { getStats } from './stats.ts';
import type { Store } from './tables.ts';

/** The control API's questions, answered from an open database. */
export function createReads(db: Store): StoreReads {
  return {
    listConversations: (query) => listConversations(db, query),
    getConversation: (id) => whenId(id, () => readConversation(db, id)),
    listRequests: (query) => listRequests(db, query),
    getRequest: (id, fields) => whenId(id, () => readExchange(db, id, fields)),
    getLink: (id) => whenId(id, () => readLink(db, id)),
    getStats: (query) => getStats(db, query),
  };
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What cannot be an id is an unknown one. */
async function whenId<T>(id: string, read: () => Promise<T | null>): Promise<T | null> {
  return UUID.test(id) ? read() : null;
}
