import type { Removed } from '../../protocol/storage.ts';
import { deleteLoose, markDeleted } from '../store/delete-conversation.ts';
import {
  bytesOfConversation,
  listTenants,
  looseExchanges,
  measureSlice,
  measureStart,
  oldConversations,
  type LoosePosition,
  type OldConversation,
} from '../store/retention.ts';
import { nothing, purgeConversation, sweep, type RunSlice } from './purge.ts';

const LOOSE_PER_SLICE = 50;

export interface PruneLimits {
  /** Delete what had its last request before this, ms since the epoch; null: no limit. */
  before: number | null;
  /** Delete the oldest until the store's rows take no more; null: no limit. */
  maxBytes: number | null;
}

interface PruneHooks {
  onDeleted(conversationId: string): void;
  /** How far it is, for people. */
  onProgress(removed: Removed): void;
}

/**
 * Retention: deletes what is older than `before`, then the oldest of the rest until the store is small enough. Pinned
 * and running conversations stay. Exchanges of no conversation go when they are as old as the conversations that go,
 * but for side calls of sessions that stay.
 */
export async function prune(run: RunSlice, limits: PruneLimits, hooks: PruneHooks): Promise<Removed> {
  const removed = nothing();
  const walk = new Walk(run, removed, hooks);
  if (limits.before !== null) {
    while (await walk.deleteNext(limits.before));
    await walk.deleteLooseBefore(limits.before);
    await sweep(run, removed);
  }
  if (limits.maxBytes !== null) {
    const live = (await liveBytes(run, limits.maxBytes)) + removed.bytes;
    // What was removed is not in `live`; from here on every byte that goes counts.
    while (live - removed.bytes > limits.maxBytes && (await walk.deleteNext(Infinity))) {
      await sweep(run, removed);
    }
    if (live - removed.bytes > limits.maxBytes) {
      await walk.deleteLooseBefore(Infinity);
      await sweep(run, removed);
    }
  }
  return removed;
}

/** Counts what `prune` would delete. Its bytes are what was stored with these requests; what others use too stays. */
export async function tryPrune(run: RunSlice, limits: PruneLimits): Promise<Removed> {
  const found = nothing();
  let after: OldConversation | null = null;
  const live = limits.maxBytes === null ? 0 : await liveBytes(run, limits.maxBytes);
  for (;;) {
    const tooLarge = limits.maxBytes !== null && live - found.bytes > limits.maxBytes;
    const before = tooLarge ? Infinity : limits.before;
    if (before === null) return found;
    const behind: OldConversation | null = after;
    const [next]: OldConversation[] = await run(({ db }) => oldConversations(db, before, behind, 1));
    if (next === undefined) return found;
    after = next;
    found.conversations++;
    found.exchanges += next.requests;
    found.bytes += await run(({ db }) => bytesOfConversation(db, next));
  }
}

/** What the store's rows take; not added up where the files are smaller than the limit already. */
async function liveBytes(run: RunSlice, limit: number): Promise<number> {
  const { fileBytes, rowBytes, slices } = await run(({ db }) => measureStart(db));
  if (fileBytes <= limit) return fileBytes;
  let bytes = rowBytes;
  for (let slice = 0; slice < slices; slice++) bytes += await run(({ db }) => measureSlice(db, slice));
  return bytes;
}

/** A walk through the store from its oldest conversation on, deleting. */
class Walk {
  readonly #run: RunSlice;
  readonly #removed: Removed;
  readonly #hooks: PruneHooks;
  #after: OldConversation | null = null;
  readonly #loose = new Map<string, LoosePosition | null>();

  constructor(run: RunSlice, removed: Removed, hooks: PruneHooks) {
    this.#run = run;
    this.#removed = removed;
    this.#hooks = hooks;
  }

  /** The oldest conversation that may go, and the loose exchanges older than it. False when there is none. */
  async deleteNext(before: number): Promise<boolean> {
    const [next] = await this.#run(({ db }) => oldConversations(db, before, this.#after, 1));
    if (next === undefined) return false;
    this.#after = next;
    await this.deleteLooseBefore(next.lastAt);
    // Not when it was pinned or went on since.
    const marked = await this.#run((database) => markDeleted(database, next.id, next.lastAt));
    if (marked === null) return true;
    this.#hooks.onDeleted(marked.id);
    await purgeConversation(this.#run, marked, this.#removed);
    this.#hooks.onProgress(this.#removed);
    return true;
  }

  async deleteLooseBefore(before: number): Promise<void> {
    for (const tenant of await this.#run(({ db }) => listTenants(db))) {
      for (let more = true; more;) {
        const after = this.#loose.get(tenant) ?? null;
        const found = await this.#run(({ db }) => looseExchanges(db, tenant, before, after, LOOSE_PER_SLICE));
        if (found.last !== null) this.#loose.set(tenant, found.last);
        more = found.more;
        if (found.ids.length === 0) continue;
        const deleted = await this.#run((database) => deleteLoose(database, tenant, found.ids));
        this.#removed.exchanges += deleted.exchanges;
        this.#removed.bytes += deleted.bytes;
        this.#hooks.onProgress(this.#removed);
      }
    }
  }
}
