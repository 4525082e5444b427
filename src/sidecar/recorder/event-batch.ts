import type { EventName, NexusEvent } from '../../protocol/events.ts';
import type { Change } from './record.ts';

const BATCH_MS = 50;

/** Collects what commits changed and tells it at most every 50 ms, each id once: a burst is one event. */
export class EventBatch {
  readonly #ids = new Map<EventName, Set<string>>();
  readonly #tell: (event: NexusEvent) => void;
  #timer: NodeJS.Timeout | null = null;

  constructor(tell: (event: NexusEvent) => void) {
    this.#tell = tell;
  }

  add(changes: Change[]): void {
    for (const [name, id] of changes) {
      const ids = this.#ids.get(name) ?? new Set();
      if (id !== '') ids.add(id);
      this.#ids.set(name, ids);
    }
    if (changes.length > 0) {
      this.#timer ??= setTimeout(() => {
        this.flush();
      }, BATCH_MS);
    }
  }

  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    for (const [name, ids] of this.#ids) this.#tell({ name, ids: [...ids] });
    this.#ids.clear();
  }
}
