import { stackOf } from '../errors.ts';
import { isContention, isUnavailable } from '../store/availability.ts';
import type { Database } from '../store/database.ts';
import { relinkSubtasks, relinkTwins, takeNext, type ExchangeKey } from '../store/relink-list.ts';
import { settleConversations } from '../store/settle.ts';
import type { Tx } from '../store/tables.ts';
import type { Preparation } from './preparation.ts';
import { relinkExchange, type Relinked } from './relink.ts';
import type { RecorderListener } from './thread.ts';

/** What a slice should take, ms: reads and the recorder wait no longer for it. Settling comes on top. */
const SLICE_MS = 15;

/** Of a preparation of its own: the bodies of live traffic stay remembered. */
export const RELINK_LIMITS = { bodies: 4, bytes: 8 * 1024 * 1024 };

/** Where linking anew is done: in the store, with the tenant's lock (null: without one), or in a draft of it. */
export type RunTransaction = <T>(
  database: Database,
  tenant: string | null,
  work: (tx: Tx) => Promise<T>,
) => Promise<T>;

export const inStore: RunTransaction = (database, tenant, work) =>
  database.db.transaction().execute(async (tx) => {
    if (tenant !== null) await database.lockTenant(tx, tenant);
    return work(tx);
  });

export interface RelinkContext {
  preparation: Preparation;
  transaction: RunTransaction;
  log: RecorderListener['onLog'];
}

export interface RelinkSlice {
  /** What was looked at, in order; those that are gone or cannot be read are left out. */
  relinked: (ExchangeKey & Relinked)[];
  /** Conversations that have changed, and those that have lost their last request. */
  changed: string[];
  gone: string[];
  /** The list was empty. */
  done: boolean;
}

/**
 * Links some exchanges of the list anew, the oldest first, in one transaction: whenever it is interrupted, the store is
 * as it should be but for what is still on the list.
 */
export async function relinkSlice(
  context: RelinkContext,
  database: Database,
  tenant: string,
): Promise<RelinkSlice> {
  const begun = performance.now();
  return context.transaction(database, tenant, async (tx) => {
    const relinked: RelinkSlice['relinked'] = [];
    const relinkOne = (key: ExchangeKey): Promise<Relinked | null> =>
      ifReadable(context, key, () => relinkExchange(tx, context.preparation, key));
    let done: boolean;
    do {
      const id = await takeNext(tx, tenant);
      done = id === null;
      const found = id === null ? null : await relinkOne({ tenant, id });
      if (id !== null && found !== null) relinked.push({ tenant, id, ...found });
    } while (!done && performance.now() - begun < SLICE_MS);
    const { changed, gone } = await settle(tx, tenant, relinked);
    return { relinked, changed, gone, done: done && relinked.length === 0 };
  });
}

/** Content that cannot be read keeps its exchange where it is (null), and nobody else from being linked. */
export async function ifReadable<T>(
  context: RelinkContext,
  key: ExchangeKey,
  work: () => Promise<T>,
): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    // What the database says ends the transaction.
    const { code } = error as { code?: unknown };
    if (isUnavailable(error) || isContention(error) || typeof code === 'string') throw error;
    context.log('warn', 'A request cannot be linked anew and stays where it is', {
      request: key.id,
      error: stackOf(error),
    });
    return null;
  }
}

async function settle(
  tx: Tx,
  tenant: string,
  relinked: RelinkSlice['relinked'],
): Promise<{ changed: string[]; gone: string[] }> {
  const touched = new Set<string>();
  const movedTo = new Map<string, Set<string>>();
  const changed = new Set<string>();
  let since = Number.POSITIVE_INFINITY;
  for (const { at, before, after, changed: isChanged } of relinked) {
    const [from, to] = [before.conversationId, after.conversationId];
    for (const id of [from, to]) {
      if (id === null) continue;
      touched.add(id);
      if (isChanged) changed.add(id);
    }
    if (from === to) continue;
    since = Math.min(since, at);
    if (from !== null && to !== null) movedTo.set(from, (movedTo.get(from) ?? new Set()).add(to));
  }
  const { gone, renumbered } = await settleConversations(tx, tenant, [...touched], movedTo);
  await relinkSubtasks(tx, tenant, renumbered);
  if (Number.isFinite(since)) await relinkTwins(tx, tenant, [...changed], since);
  return { changed: [...changed].filter((id) => !gone.includes(id)), gone };
}
