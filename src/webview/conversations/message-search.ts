import type { SearchHit } from '../../protocol/search.ts';
import { isRefused, type Api, type ListFilters } from '../shared/api.ts';

/** Hits beyond these are not loaded: other words find what is older. */
export const MOST_HITS = 200;

/** `off`: nothing to search for. `hint`: what was typed cannot be searched, and why. */
type Status = 'off' | 'loading' | 'more' | 'idle' | 'error' | 'hint';

/** What is found in messages for what stands in the search field; tells its owner when anything has changed. */
export class MessageSearch {
  readonly #changed: () => void;
  #abort = new AbortController();
  #asked: { api: Api; filters: ListFilters } | null = null;
  #cursor: string | null = null;
  status: Status = 'off';
  hits: SearchHit[] = [];
  /** Why there are none. */
  message = '';
  /** Turns that were not looked at, not being in the index yet. */
  waiting = 0;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** True when there may be more, further back. */
  get hasMore(): boolean {
    return this.#cursor !== null && this.hits.length < MOST_HITS;
  }

  /** Searches for something else; without words there is nothing to search. */
  look(api: Api, filters: ListFilters): void {
    this.#asked = { api, filters };
    this.#cursor = null;
    const off = filters.search.trim() === '';
    if (off) {
      this.cancel();
      this.hits = [];
      this.status = 'off';
      this.#changed();
    } else this.#load('loading');
  }

  /** The next page. */
  more(): void {
    if (this.hasMore && this.status === 'idle') this.#load('more');
  }

  again(): void {
    this.#load(this.hits.length === 0 ? 'loading' : 'more');
  }

  cancel(): void {
    this.#abort.abort();
  }

  #load(status: 'loading' | 'more'): void {
    if (this.#asked === null) return;
    const { api, filters } = this.#asked;
    this.#abort.abort();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    this.status = status;
    this.#changed();
    api.search(filters.search.trim(), filters, this.#cursor, signal).then(
      ({ hits, pagination, waiting }) => {
        if (signal.aborted) return;
        this.hits = status === 'more' ? [...this.hits, ...hits] : hits;
        this.waiting = waiting;
        this.#cursor = pagination.nextCursor;
        this.status = 'idle';
        this.#changed();
      },
      (error: unknown) => {
        if (signal.aborted) return;
        if (status === 'loading') this.hits = [];
        this.message = error instanceof Error ? error.message : String(error);
        this.status = isRefused(error) ? 'hint' : 'error';
        this.#changed();
      },
    );
  }
}
