import type { ConversationRow } from '../../protocol/rows.ts';
import type { Api, ListFilters } from '../shared/api.ts';
import { mergeFirstPage } from './list-groups.ts';

type Status = 'loading' | 'more' | 'idle' | 'error';

/** The conversations that the list shows, page by page; tells its owner when anything has changed. */
export class ListLoader {
  readonly #changed: () => void;
  #abort = new AbortController();
  rows: ConversationRow[] = [];
  /** Of the next page; null: there is none. */
  cursor: string | null = null;
  status: Status = 'loading';
  error = '';

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** `new`: other filters, from the top. `more`: the next page. `refresh`: the first page again, in place. */
  load(api: Api, filters: ListFilters, how: 'new' | 'more' | 'refresh'): void {
    if (how === 'refresh' && this.status === 'loading') return;
    this.#abort.abort();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    this.status = how === 'more' ? 'more' : 'loading';
    this.#changed();
    api.listConversations(filters, how === 'more' ? this.cursor : null, signal).then(
      ({ conversations, pagination }) => {
        if (signal.aborted) return;
        const known = this.rows;
        if (how === 'more') this.rows = [...known, ...conversations];
        else if (how === 'new') this.rows = conversations;
        else this.rows = mergeFirstPage(known, conversations, pagination.nextCursor !== null);
        // Further pages already loaded keep their own cursor.
        if (how !== 'refresh' || known.length <= conversations.length) this.cursor = pagination.nextCursor;
        this.status = 'idle';
        this.#changed();
      },
      (error: unknown) => {
        if (signal.aborted) return;
        if (how === 'new') this.rows = [];
        this.error = error instanceof Error ? error.message : String(error);
        this.status = 'error';
        this.#changed();
      },
    );
  }

  cancel(): void {
    this.#abort.abort();
  }
}
