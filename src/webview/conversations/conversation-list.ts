import { html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import type { Api } from '../shared/api.ts';
import { focusField, searchField } from '../shared/controls.ts';
import { LightElement } from '../shared/element.ts';
import type { Host, Unsubscribe } from '../shared/host.ts';
import { iconButton } from '../shared/icon.ts';
import { Later } from '../shared/later.ts';
import { isTyping } from '../shared/typing.ts';
import './conversation-list.css';
import { listBody } from './list-body.ts';
import { listFilters } from './list-filters.ts';
import { ListLoader } from './list-loader.ts';
import { MessageSearch } from './message-search.ts';
import { NO_FILTERS, type PanelState } from './panel-state.ts';

/** All conversations, newest first, by day; a search also looks into messages. */
export class ConversationList extends LightElement {
  static override properties: PropertyDeclarations = {
    host: { attribute: false },
    api: { attribute: false },
    panel: { attribute: false },
    _active: { state: true },
    _allTitles: { state: true },
    _now: { state: true },
  };

  declare host: Host;
  declare api: Api;
  declare panel: PanelState;
  /** Id of the element that the keys have chosen. */
  declare _active: string | null;
  declare _allTitles: boolean;
  declare _now: number;
  readonly #list = new ListLoader(() => {
    this._now = Date.now();
    this.requestUpdate();
  });
  readonly #messages = new MessageSearch(() => {
    this.requestUpdate();
  });
  #off: Unsubscribe | null = null;
  #reload = new Later(() => this.#load('refresh'), 120);
  #search = new Later(() => {
    this._active = null;
    this._allTitles = false;
    this.#load('new');
  }, 180);
  #clock: ReturnType<typeof setInterval> | undefined;
  #watcher: IntersectionObserver | null = null;

  constructor() {
    super();
    this._active = null;
    this._allTitles = false;
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
    this.#list.cancel();
    this.#messages.cancel();
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
      const { cursor, status } = this.#list;
      if (entries.some((entry) => entry.isIntersecting) && cursor !== null && status === 'idle') {
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
          placeholder: 'Search titles and messages',
          label: 'Search conversations by title and message',
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
        ${iconButton({ name: 'refresh', title: 'Refresh (r)', onClick: this.#refresh })}
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
      <div class="list-scroll">
        ${listBody({
          list: this.#list,
          messages: this.#messages,
          now: this._now,
          searching: filters.search.trim() !== '',
          filtered,
          allTitles: this._allTitles,
          active: this._active,
          load: (how) => {
            this.#load(how);
          },
          clear: this.#clear,
          showAllTitles: () => {
            this._allTitles = true;
          },
          open: (conversationId, requestId) => {
            this.tell('navigate', { conversationId, requestId });
          },
        })}
      </div>
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

  #refresh = (): void => {
    this.#load('refresh');
    this.#messages.look(this.api, this.panel.filters);
  };

  #load(how: 'new' | 'more' | 'refresh'): void {
    this.#list.load(this.api, this.panel.filters, how);
    if (how === 'new') this.#messages.look(this.api, this.panel.filters);
  }

  /** Rows and hits, in the order in which they are shown. */
  #items(): HTMLElement[] {
    return [...this.querySelectorAll<HTMLElement>('[role="option"]')];
  }

  #move(step: number): void {
    const items = this.#items();
    const index = items.findIndex((item) => item.id === this._active);
    const item = items[Math.min(items.length - 1, Math.max(0, index + step))];
    if (!item) return;
    this._active = item.id;
    item.scrollIntoView({ block: 'nearest' });
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
        this.#items()
          .find((item) => item.id === this._active)
          ?.click();
      },
      '/': () => {
        focusField(this.querySelector('.list-search'));
      },
      f: () => {
        this.tell('panel', { filtersOpen: !this.panel.filtersOpen });
      },
      r: this.#refresh,
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
