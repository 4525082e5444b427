import { html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { ConversationRow } from '../../protocol/rows.ts';
import type { Api } from '../shared/api.ts';
import { button, focusField, searchField } from '../shared/controls.ts';
import { LightElement } from '../shared/element.ts';
import type { Host, Unsubscribe } from '../shared/host.ts';
import { iconButton } from '../shared/icon.ts';
import { Later } from '../shared/later.ts';
import { isTyping } from '../shared/typing.ts';
import './conversation-list.css';
import { groupByDay, mergeFirstPage } from './list-groups.ts';
import { listFilters } from './list-filters.ts';
import { listHeadings, listRow, listSkeleton } from './list-row.ts';
import { notice } from '../shared/notices.ts';
import { NO_FILTERS, type PanelState } from './panel-state.ts';

/** All conversations, newest first, by day. */
export class ConversationList extends LightElement {
  static override properties: PropertyDeclarations = {
    host: { attribute: false },
    api: { attribute: false },
    panel: { attribute: false },
    _rows: { state: true },
    _cursor: { state: true },
    _status: { state: true },
    _error: { state: true },
    _active: { state: true },
    _now: { state: true },
  };

  declare host: Host;
  declare api: Api;
  declare panel: PanelState;
  declare _rows: ConversationRow[];
  declare _cursor: string | null;
  declare _status: 'loading' | 'more' | 'idle' | 'error';
  declare _error: string;
  declare _active: string | null;
  declare _now: number;
  #abort = new AbortController();
  #off: Unsubscribe | null = null;
  #reload = new Later(() => this.#load('refresh'), 120);
  #search = new Later(() => this.#load('new'), 180);
  #clock: ReturnType<typeof setInterval> | undefined;
  #watcher: IntersectionObserver | null = null;

  constructor() {
    super();
    this._rows = [];
    this._cursor = null;
    this._status = 'loading';
    this._error = '';
    this._active = null;
    this._now = Date.now();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener('keydown', this.#onKey);
    this.#clock = setInterval(() => (this._now = Date.now()), 30_000);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener('keydown', this.#onKey);
    clearInterval(this.#clock);
    this.#off?.();
    this.#off = null;
    this.#watcher?.disconnect();
    this.#abort.abort();
    this.#reload.cancel();
    this.#search.cancel();
  }

  override firstUpdated(): void {
    this.#off = this.host.onEvent((event) => {
      if (
        ['conversation.changed', 'conversation.deleted', 'exchange.recorded', 'resync'].includes(event.name)
      ) {
        this.#reload.soon();
      }
    });
    this.#load('new');
  }

  override updated(): void {
    this.#watcher ??= new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting) && this._cursor !== null && this._status === 'idle') {
        this.#load('more');
      }
    });
    this.#watcher.disconnect();
    const end = this.querySelector('.list-end');
    if (end) this.#watcher.observe(end);
  }

  override render(): TemplateResult {
    const { filters, filtersOpen } = this.panel;
    const filtered = this.#filtered();
    return html`<div class="list-view">
      <header class="list-header">
        <h1>Conversations</h1>
        ${searchField({
          value: filters.search,
          placeholder: 'Search titles',
          label: 'Search conversations by title',
          className: 'list-search',
          onInput: (search) => {
            this.#filter({ search });
            this.#search.soon();
          },
        })}
        ${iconButton({
          name: filtered ? 'filter-filled' : 'filter',
          title: filtersOpen ? 'Hide filters (f)' : 'Show filters (f)',
          pressed: filtersOpen,
          onClick: () => {
            this.tell('panel', { filtersOpen: !filtersOpen });
          },
        })}
        ${iconButton({ name: 'refresh', title: 'Refresh (r)', onClick: () => this.#load('refresh') })}
        ${
          this.host.openPage === null
            ? nothing
            : html`${iconButton({
                name: 'list-flat',
                title: 'Requests',
                onClick: () => this.host.openPage?.('requests'),
              })}${iconButton({
                name: 'database',
                title: 'Storage',
                onClick: () => this.host.openPage?.('storage'),
              })}`
        }
      </header>
      ${
        filtersOpen
          ? listFilters({
              filters,
              filtered,
              choose: (change) => {
                this.#filter(change);
                this.#search.soon();
              },
              clear: this.#clear,
            })
          : nothing
      }
      <div class="list-scroll">${this.#body()}</div>
    </div>`;
  }

  #body(): TemplateResult {
    if (this._status === 'loading' && this._rows.length === 0) return listSkeleton();
    if (this._status === 'error' && this._rows.length === 0) {
      return notice({
        icon: 'debug-disconnect',
        title: 'The conversations could not be loaded',
        text: this._error,
        actions: button({ label: 'Try again', icon: 'refresh', onClick: () => this.#load('new') }),
        role: 'alert',
      });
    }
    if (this._rows.length === 0 && (this.#filtered() || this.panel.filters.search !== '')) {
      return notice({
        icon: 'search',
        title: 'No conversation matches',
        text: 'Other words or fewer filters may find it.',
        actions: button({ label: 'Clear search and filters', onClick: this.#clear }),
      });
    }
    if (this._rows.length === 0) {
      return notice({
        icon: 'comment-discussion',
        title: 'No conversations yet',
        text: html`Type <code>claude</code> in the integrated terminal. What passes through Nexus appears here
          as it happens.`,
      });
    }
    return html`${listHeadings()}
      <div
        role="listbox"
        aria-label="Conversations"
        class="list-rows"
        tabindex="0"
        aria-activedescendant=${this.#activeId()}
      >
        ${groupByDay(this._rows, this._now).map(
          (group) =>
            html`<div role="group" aria-label=${group.day}>
              <h2 class="list-day">${group.day}</h2>
              ${repeat(
                group.rows,
                (row) => row.conversationId,
                (row) =>
                  listRow(row, this._now, row.conversationId === this._active, (id) => {
                    this.#open(id);
                  }),
              )}
            </div>`,
        )}
      </div>
      <div class="list-end">
        ${
          this._status === 'error'
            ? html`<span class="state-error">${this._error}</span>
                <button type="button" class="link" @click=${() => this.#load('more')}>Try again</button>`
            : this._cursor === null
              ? nothing
              : html`<span class="dim">Loading more…</span>`
        }
      </div>`;
  }

  #filtered(): boolean {
    const { state, branchKind, project, model } = this.panel.filters;
    return [state, branchKind, project, model].some((value) => value !== '');
  }

  #filter(change: Partial<PanelState['filters']>): void {
    this.tell('panel', { filters: { ...this.panel.filters, ...change } });
  }

  #clear = (): void => {
    this.tell('panel', { filters: NO_FILTERS });
    this.#search.soon();
  };

  #open(conversationId: string): void {
    this.tell('navigate', { conversationId, requestId: null });
  }

  #activeId(): string | typeof nothing {
    return this._active === null ? nothing : `conversation-${this._active}`;
  }

  /** `new`: other filters, from the top. `more`: the next page. `refresh`: the first page again, in place. */
  #load(how: 'new' | 'more' | 'refresh'): void {
    if (how === 'refresh' && this._status === 'loading') return;
    this.#abort.abort();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    this._status = how === 'more' ? 'more' : 'loading';
    this.api.listConversations(this.panel.filters, how === 'more' ? this._cursor : null, signal).then(
      ({ conversations, pagination }) => {
        if (signal.aborted) return;
        const known = this._rows;
        if (how === 'more') this._rows = [...known, ...conversations];
        else if (how === 'new') this._rows = conversations;
        else this._rows = mergeFirstPage(known, conversations, pagination.nextCursor !== null);
        // Further pages already loaded keep their own cursor.
        if (how !== 'refresh' || known.length <= conversations.length) this._cursor = pagination.nextCursor;
        this._status = 'idle';
        this._now = Date.now();
      },
      (error: unknown) => {
        if (signal.aborted) return;
        if (how === 'new') this._rows = [];
        this._error = error instanceof Error ? error.message : String(error);
        this._status = 'error';
      },
    );
  }

  #move(step: number): void {
    const index = this._rows.findIndex((row) => row.conversationId === this._active);
    const row = this._rows[Math.min(this._rows.length - 1, Math.max(0, index + step))];
    if (!row) return;
    this._active = row.conversationId;
    void this.updateComplete.then(() => {
      this.querySelector('.list-row.active')?.scrollIntoView({ block: 'nearest' });
    });
  }

  #onKey = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const typing = isTyping(event);
    if (typing && event.key !== 'Escape' && event.key !== 'ArrowDown') return;
    const actions: Record<string, () => void> = {
      ArrowDown: () => {
        this.#move(1);
        if (typing) this.querySelector<HTMLElement>('.list-rows')?.focus();
      },
      j: () => {
        this.#move(1);
      },
      ArrowUp: () => {
        this.#move(-1);
      },
      k: () => {
        this.#move(-1);
      },
      Enter: () => {
        if (this._active !== null) this.#open(this._active);
      },
      '/': () => {
        focusField(this.querySelector('.list-search'));
      },
      f: () => {
        this.tell('panel', { filtersOpen: !this.panel.filtersOpen });
      },
      r: () => {
        this.#load('refresh');
      },
      Escape: () => {
        if (this.panel.filters.search !== '') {
          this.#filter({ search: '' });
          this.#search.soon();
        }
        if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
      },
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  };
}

customElements.define('nexus-conversation-list', ConversationList);
