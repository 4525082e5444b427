import { setTimeout as sleep } from 'node:timers/promises';
import type {
  DeletedConversation,
  HousekeepingState,
  PinnedConversation,
  PruneBody,
  PruneReport,
  Removed,
  VacuumReport,
} from '../../protocol/storage.ts';
import type { RebuildBody, RebuildState } from '../../protocol/rebuild.ts';
import { NexusError, reason } from '../errors.ts';
import { isUnavailable } from '../store/availability.ts';
import type { StoreCommands } from '../store/commands.ts';
import { setPinned } from '../store/conversations.ts';
import { VACUUM_STEPS, type Database } from '../store/database.ts';
import { deletedConversations, forgetDeleted, markDeleted } from '../store/delete-conversation.ts';
import { tenantsToSweep } from '../store/sweep.ts';
import { bytesOf, tablesToVacuum } from '../store/table-sizes.ts';
import { dropUsageBefore } from '../store/usage.ts';
import { removeOldFailed } from './failed-files.ts';
import { prune, tryPrune, type PruneLimits } from './prune.ts';
import { againstContention, nothing, purgeConversation, sweep, type RunSlice } from './purge.ts';
import type { Change } from './record.ts';
import { Relinking } from './relinking.ts';
import type { RecorderListener, RecorderOptions } from './thread.ts';

/** How long a command is waited for before it is answered with `done: false`, ms. */
const PATIENCE_MS = 10_000;
const DAY_MS = 86_400_000;
/** Totals and token counts outlive the content they were counted from by far. */
const USAGE_DAYS = 400;
/** After the database was opened, and then every hour. */
const FIRST_MS = 15_000;
const EVERY_MS = 3_600_000;

/** What housekeeping needs of the recorder. */
interface HousekeepingHost {
  readonly connection: { readonly database: Database | null };
  between<T>(work: (database: Database) => Promise<T>, whenIdle: boolean): Promise<T>;
  tell(changes: Change[]): void;
}

type HousekeepingOptions = Pick<RecorderOptions, 'retention' | 'journalDir' | 'live' | 'housekeepingMs'>;

type Task = NonNullable<HousekeepingState['task']>;

/**
 * Deletes, prunes and vacuums in the recorder's thread: one task at a time, each cut into slices that run between the
 * recorder's transactions. What is left undone when the program ends is found again at the next start.
 */
export class Housekeeper implements StoreCommands {
  readonly #host: HousekeepingHost;
  readonly #options: HousekeepingOptions;
  readonly #log: RecorderListener['onLog'];
  readonly #closing = new AbortController();
  #state: HousekeepingState = { task: null, detail: '', waiting: 0 };
  #last: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | null = null;
  readonly #relinking: Relinking;

  constructor(host: HousekeepingHost, options: HousekeepingOptions, log: RecorderListener['onLog']) {
    this.#host = host;
    this.#options = options;
    this.#log = log;
    this.#relinking = new Relinking({
      database: () => host.connection.database,
      idle: this.#idle,
      soon: this.#soon,
      last: (slice) => againstContention(() => host.between(slice, false)),
      inBackground: (what, task, work) => {
        this.#inBackground(what, () => this.#as(task, work));
      },
      progress: (detail) => (this.#state.detail = detail),
      tell: (changes) => {
        host.tell(changes);
      },
      log,
    });
  }

  /** The database is open (again): goes on with deletions that were begun, and retention has its time. */
  opened(): void {
    this.#inBackground('Deleting goes on', () => this.#goOn());
    this.#relinking.opened();
    const { first, every } = this.#options.housekeepingMs ?? { first: FIRST_MS, every: EVERY_MS };
    if (this.#timer !== null || this.#options.live !== null) return;
    const tick = (): void => {
      this.#inBackground('Housekeeping', () => this.#regular());
      this.#timer = setTimeout(tick, every);
    };
    this.#timer = setTimeout(tick, first);
  }

  get state(): HousekeepingState {
    return { ...this.#state };
  }

  async deleteConversation(conversationId: string): Promise<DeletedConversation | null> {
    const marked = await this.#slice(false, (database) => markDeleted(database, conversationId));
    if (marked === null) return null;
    this.#host.tell([['conversation.deleted', conversationId]]);
    const removed = nothing();
    const done = await this.#patiently('Deleting a conversation', 'delete', async () => {
      await purgeConversation(this.#soon, marked, removed);
      await sweep(this.#soon, removed);
      this.#log('info', 'A conversation was deleted', { conversation: conversationId, ...removed });
    });
    return { conversationId, done, removed: { ...removed } };
  }

  async setPinned(conversationId: string, pinned: boolean): Promise<PinnedConversation | null> {
    const found = await this.#slice(false, ({ db }) => setPinned(db, conversationId, pinned));
    if (!found) return null;
    this.#host.tell([['conversation.changed', conversationId]]);
    return { conversationId, pinned };
  }

  /** Something was recorded that requests recorded earlier may hang from. */
  relinkSoon(): void {
    this.#relinking.relinkSoon();
  }

  async rebuild(body: RebuildBody): Promise<RebuildState> {
    return Promise.resolve(this.#relinking.rebuild(body));
  }

  async cancelRebuild(): Promise<RebuildState> {
    return Promise.resolve(this.#relinking.cancel());
  }

  async rebuildState(): Promise<RebuildState> {
    return Promise.resolve(this.#relinking.state());
  }

  async prune(body: PruneBody): Promise<PruneReport> {
    const { retention } = this.#options;
    const limits = limitsOf(body.olderThanDays ?? retention.days, body.maxBytes ?? retention.bytes);
    let removed = nothing();
    let alone = true;
    const done = await this.#patiently('Pruning', 'prune', async () => {
      if (body.dryRun) removed = await tryPrune(this.#soon, limits);
      else alone = await this.#prune(this.#soon, limits, (sofar) => (removed = sofar));
    });
    return { done, dryRun: body.dryRun, elsewhere: !alone, removed: { ...removed } };
  }

  async vacuum(): Promise<VacuumReport> {
    const report: VacuumReport['tables'] = [];
    const done = await this.#patiently('Vacuuming', 'vacuum', async () => {
      const tables = await this.#slice(false, ({ db }) => tablesToVacuum(db, 'all'));
      for (const [index, table] of tables.entries()) {
        const place = `${String(index + 1)} of ${String(tables.length)}`;
        report.push(await this.#vacuumTable(table, false, place));
      }
    });
    return { done, tables: [...report] };
  }

  /** Ends after the slice under way; what is left is done at the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#last.catch(() => undefined); // Told where it was begun.
  }

  /** Conversations and content an earlier life, or one without its database, did not get to. */
  async #goOn(): Promise<void> {
    // Looked for at once, before any command can begin a deletion of its own; mostly there is nothing, and nobody waits.
    const { left, loose } = await this.#slice(false, async ({ db }) => ({
      left: await deletedConversations(db),
      loose: (await tenantsToSweep(db)).length > 0,
    }));
    if (left.length === 0 && !loose) {
      this.#log('debug', 'No earlier deletion is unfinished', {});
      return;
    }
    const removed = nothing();
    for (const conversation of left) await purgeConversation(this.#idle, conversation, removed);
    await sweep(this.#idle, removed);
    this.#log('info', 'Deletions that were begun earlier are finished', { ...removed });
  }

  async #regular(): Promise<void> {
    const files = await removeOldFailed(this.#options.journalDir, Date.now());
    if (files.length > 0) {
      this.#log('warn', 'Journal files that could not be recorded were removed after 30 days', { files });
    }
    await this.#slice(true, ({ db }) => forgetDeleted(db));
    const months = await this.#slice(true, (database) =>
      dropUsageBefore(database, Date.now() - USAGE_DAYS * DAY_MS),
    );
    if (months > 0) this.#log('info', 'Usage of long ago was dropped', { months });
    const { days, bytes } = this.#options.retention;
    const limits = limitsOf(days, bytes);
    await this.#as('prune', () => this.#prune(this.#idle, limits, () => undefined));
    if (this.#host.connection.database?.engine !== 'pglite') return;
    const tables = await this.#slice(true, ({ db }) => tablesToVacuum(db, 'worn'));
    await this.#as('vacuum', async () => {
      for (const table of tables) await this.#vacuumTable(table, true);
    });
  }

  /** False: another sidecar on this database is at it, and nothing was done. */
  async #prune(run: RunSlice, limits: PruneLimits, onProgress: (removed: Removed) => void): Promise<boolean> {
    if (limits.before === null && limits.maxBytes === null) return true;
    const database = this.#host.connection.database;
    const alone = await database?.unlessOthers(async () => {
      const removed = await prune(run, limits, {
        onDeleted: (id) => {
          this.#host.tell([['conversation.deleted', id]]);
        },
        onProgress: (sofar) => {
          this.#state.detail = `${String(sofar.exchanges)} requests deleted`;
          onProgress(sofar);
        },
      });
      onProgress(removed);
      if (removed.exchanges > 0) this.#log('info', 'Old conversations were deleted', { ...removed });
    });
    if (alone === false) this.#log('info', 'Another sidecar is pruning this database', {});
    return alone !== false;
  }

  async #vacuumTable(name: string, whenIdle: boolean, place = ''): Promise<VacuumReport['tables'][number]> {
    this.#state.detail = place === '' ? name : `${name}, ${place}`;
    const size = (): Promise<number> => this.#slice(whenIdle, ({ db }) => bytesOf(db, name));
    const bytesBefore = await size();
    const { signal } = this.#closing;
    const { database } = this.#host.connection;
    for (const step of VACUUM_STEPS) {
      // PGlite's one connection is the recorder's; elsewhere a vacuum runs beside it.
      if (database?.engine === 'postgresql') await database.vacuum(name, step, signal);
      else await this.#slice(whenIdle, (embedded) => embedded.vacuum(name, step, signal));
    }
    return { name, bytesBefore, bytesAfter: await size() };
  }

  readonly #soon: RunSlice = (slice) => this.#slice(false, slice);
  readonly #idle: RunSlice = (slice) => this.#slice(true, slice);

  #slice<T>(whenIdle: boolean, slice: (database: Database) => Promise<T>): Promise<T> {
    return againstContention(() => {
      this.#closing.signal.throwIfAborted();
      return this.#host.between(slice, whenIdle);
    });
  }

  /** Behind the tasks that wait already. */
  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    this.#state.waiting++;
    const begin = (): Promise<T> => {
      this.#state.waiting--;
      return work();
    };
    const done = this.#last.then(begin, begin);
    this.#last = done;
    return done;
  }

  async #as<T>(task: Task, work: () => Promise<T>): Promise<T> {
    this.#state = { ...this.#state, task, detail: '' };
    try {
      return await work();
    } finally {
      this.#state = { ...this.#state, task: null, detail: '' };
    }
  }

  /** Waits for a command for a while; false: it is not done yet and goes on. Rejects where it failed by then. */
  async #patiently(what: string, task: Task, work: () => Promise<void>): Promise<boolean> {
    const done = this.#enqueue(() => this.#as(task, work)).then(() => true);
    const patience = new AbortController();
    const late = sleep(PATIENCE_MS, false, { signal: patience.signal }).catch(() => false);
    const first = await Promise.race([done, late]).finally(() => {
      patience.abort();
    });
    if (!first) this.#tellFailure(what, done);
    return first;
  }

  #inBackground(what: string, work: () => Promise<void>): void {
    this.#tellFailure(what, this.#enqueue(work));
  }

  #tellFailure(what: string, work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      // The database is away, or the program ends: it goes on with the next start or connection.
      if (this.#closing.signal.aborted || error instanceof NexusError || isUnavailable(error)) return;
      const stack = error instanceof Error ? error.stack : undefined;
      this.#log('error', `${what} failed`, { error: reason(error), stack });
    });
  }
}

/** 0 is no limit. */
const limitsOf = (days: number, bytes: number): PruneLimits => ({
  before: days > 0 ? Date.now() - days * DAY_MS : null,
  maxBytes: bytes > 0 ? bytes : null,
});
