import type { RequestRow } from '../../protocol/rows.ts';
import type { Api, RequestFilters } from '../shared/api.ts';
import { appendRows, refreshRows, type LoadedRows } from './request-feed.ts';

/** `new`: other filters, from the top. `more`: the next page. `refresh`: the first page again, in place. */
export type LoadKind = 'new' | 'more' | 'refresh';

/** The rows of the list, as they are loaded; one request at a time. */
export class RequestLoader {
  rows: RequestRow[] = [];
  cursor: string | null = null;
  status: 'loading' | 'more' | 'idle' | 'error' = 'loading';
  error = '';
  readonly #api: Api;
  /** Called after every change, with what was there before it. */
  readonly #changed: (before: readonly RequestRow[], how: LoadKind) => void;
  #abort = new AbortController();

  constructor(api: Api, changed: (before: readonly RequestRow[], how: LoadKind) => void) {
    this.#api = api;
    this.#changed = changed;
  }

  load(filters: RequestFilters, how: LoadKind): void {
    if (how === 'refresh' && this.status === 'loading') return;
    this.#abort.abort();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    this.status = how === 'more' ? 'more' : 'loading';
    this.#changed(this.rows, 'refresh');
    this.#api.listRequests(filters, how === 'more' ? this.cursor : null, signal).then(
      (page) => {
        if (signal.aborted) return;
        const known: LoadedRows = { rows: this.rows, cursor: this.cursor };
        const begun: LoadedRows = { rows: page.requests, cursor: page.pagination.nextCursor };
        const now =
          how === 'new' ? begun : how === 'more' ? appendRows(known, page) : refreshRows(known, page);
        this.rows = now.rows;
        this.cursor = now.cursor;
        this.status = 'idle';
        this.#changed(known.rows, how);
      },
      (error: unknown) => {
        if (signal.aborted) return;
        const before = this.rows;
        if (how === 'new') this.rows = [];
        this.error = error instanceof Error ? error.message : String(error);
        this.status = 'error';
        this.#changed(before, how);
      },
    );
  }

  stop(): void {
    this.#abort.abort();
  }
}
