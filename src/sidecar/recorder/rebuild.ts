import type { RebuildBody, RebuildChange, RebuildState } from '../../protocol/rebuild.ts';
import type { Database } from '../store/database.ts';
import { withDraft } from '../store/draft.ts';
import { projectsOf, relinkNextOf, scopeSize, type ScopePosition } from '../store/rebuild-scope.ts';
import { tenantsToRelink } from '../store/relink-list.ts';
import { Preparation } from './preparation.ts';
import type { RunSlice } from './purge.ts';
import type { Change } from './record.ts';
import { inStore, relinkSlice, RELINK_LIMITS, type RelinkContext, type RelinkSlice } from './relink-slice.ts';
import type { RecorderListener } from './thread.ts';

/** How many exchanges of the scope are put on the list at once: what an interruption leaves to be done later. */
const PAGE = 50;
const MOST_CHANGES = 100;
/** So many are kept apart; beyond it one that is looked at twice counts twice. */
const MOST_KEPT = 20_000;

interface RebuildHooks {
  /** Of what is changed in the store. */
  tell(changes: Change[]): void;
  log: RecorderListener['onLog'];
}

/** Before anything was asked for. */
export const nothingYet: Readonly<RebuildState> = {
  state: 'idle',
  apply: false,
  conversationId: null,
  domain: null,
  examined: 0,
  total: null,
  changed: 0,
  changes: [],
  conversations: { opened: 0, gone: 0 },
  error: null,
};

const newPreparation = (): Preparation => new Preparation(RELINK_LIMITS);

/** Works the list off, wherever it came from. Resolves with the number of exchanges that hang elsewhere now. */
export async function relinkAll(run: RunSlice, hooks: RebuildHooks): Promise<number> {
  const context = { preparation: newPreparation(), transaction: inStore, log: hooks.log };
  let changed = 0;
  await workOff(run, context, (slice) => {
    changed += slice.relinked.filter((one) => one.changed).length;
    hooks.tell(changesOf(slice));
  });
  return changed;
}

/**
 * Links stored exchanges anew, from the oldest on: each as if everything earlier, and nothing later, were there. With
 * `apply` in the store, in transactions of a few exchanges each; else in a draft of it, which is dropped afterwards.
 */
export class Rebuild {
  readonly state: RebuildState;
  readonly #hooks: RebuildHooks;
  readonly #cancelled = new AbortController();
  /** What has changed, by exchange: one may be looked at several times. */
  readonly #changes = new Map<string, RebuildChange>();
  #uncounted = 0;
  readonly #opened = new Set<string>();
  readonly #gone = new Set<string>();

  constructor({ apply, conversationId, domain }: RebuildBody, hooks: RebuildHooks) {
    this.#hooks = hooks;
    this.state = {
      ...nothingYet,
      state: 'waiting',
      apply,
      conversationId: conversationId ?? null,
      domain: domain ?? null,
    };
  }

  cancel(): void {
    this.#cancelled.abort();
    if (this.state.state === 'waiting') this.state.state = 'cancelled';
  }

  fail(error: string): void {
    this.state.state = 'failed';
    this.state.error = error;
  }

  /** `runLast`: also when the program ends. */
  async run(run: RunSlice, runLast: RunSlice): Promise<void> {
    if (this.state.state === 'cancelled') return;
    this.state.state = 'running';
    this.state.total = await run(({ db }) => scopeSize(db, this.state));
    const { log } = this.#hooks;
    if (this.state.apply) {
      await this.#walk(run, { preparation: newPreparation(), transaction: inStore, log });
    } else {
      const projects = await run(({ db }) => projectsOf(db, this.state));
      await withDraft(run, runLast, projects, async (draft) => {
        const transaction: RelinkContext['transaction'] = ({ db }, _, work) => draft.transaction(db, work);
        await this.#walk(run, { preparation: newPreparation(), transaction, log });
      });
    }
    const { conversationId, domain, examined } = this.state;
    if (this.#cancelled.signal.aborted) this.state.state = 'cancelled';
    else if (examined === 0 && conversationId !== null) {
      this.fail(`There is no conversation ${conversationId} in the store.`);
    } else if (examined === 0 && domain !== null) {
      this.fail(`There are no requests to ${domain} in the store.`);
    } else this.state.state = 'done';
  }

  async #walk(run: RunSlice, context: RelinkContext): Promise<void> {
    let after: ScopePosition | null = null;
    while (!this.#cancelled.signal.aborted) {
      const behind: ScopePosition | null = after;
      const page: Awaited<ReturnType<typeof relinkNextOf>> = await run((database) =>
        this.#list(context, database, behind),
      );
      if (page === null) return;
      after = page.last;
      await workOff(run, context, (slice) => {
        this.#note(slice);
        if (this.state.apply) this.#hooks.tell(changesOf(slice));
      });
      this.state.examined += page.count;
    }
  }

  /** The store has its list, a draft its own. */
  #list(context: RelinkContext, database: Database, after: ScopePosition | null) {
    return context.transaction(database, null, (tx) => relinkNextOf(tx, this.state, after, PAGE));
  }

  #note({ relinked, gone }: RelinkSlice): void {
    for (const { id: requestId, before: now, after, changed, opened } of relinked) {
      if (opened && after.conversationId !== null) this.#opened.add(after.conversationId);
      const before = this.#changes.get(requestId)?.before ?? now;
      const same = JSON.stringify(before) === JSON.stringify(after);
      if (same) this.#changes.delete(requestId);
      else if (this.#changes.size < MOST_KEPT || this.#changes.has(requestId)) {
        this.#changes.set(requestId, { requestId, before, after });
      } else if (changed) this.#uncounted++;
    }
    // One that was opened on the way is neither new nor gone.
    for (const id of gone) if (!this.#opened.delete(id)) this.#gone.add(id);

    const all = [...this.#changes.values()];
    this.state.changed = all.length + this.#uncounted;
    this.state.changes = all.slice(0, MOST_CHANGES);
    this.state.conversations = { opened: this.#opened.size, gone: this.#gone.size };
  }
}

async function workOff(
  run: RunSlice,
  context: RelinkContext,
  onSlice: (slice: RelinkSlice) => void,
): Promise<void> {
  const tenantsOf = (database: Database) => context.transaction(database, null, (tx) => tenantsToRelink(tx));
  for (const tenant of await run(tenantsOf)) {
    for (let done = false; !done;) {
      const slice = await run((database) => relinkSlice(context, database, tenant));
      onSlice(slice);
      done = slice.done;
    }
  }
}

function changesOf({ changed, gone }: RelinkSlice): Change[] {
  return [
    ...changed.map((id): Change => ['conversation.changed', id]),
    ...gone.map((id): Change => ['conversation.deleted', id]),
  ];
}
