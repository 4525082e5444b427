import { html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import type { RequestRow } from '../../protocol/rows.ts';
import { Api, type RequestFilters } from '../shared/api.ts';
import { connectionBanner } from '../shared/connection-banner.ts';
import { LightElement } from '../shared/element.ts';
import type { Connection, Host, Unsubscribe } from '../shared/host.ts';
import { keySheet } from '../shared/key-sheet.ts';
import { Later } from '../shared/later.ts';
import { requestFilters } from './request-filters.ts';
import { REQUEST_KEYS, requestKeys } from './request-keys.ts';
import { RequestLoader, type LoadKind } from './request-loader.ts';
import { HEADINGS_HEIGHT, requestGrid, ROW_HEIGHT } from './request-grid.ts';
import { filtersOfQuery, NO_FILTERS, readRequestsState, type RequestsState } from './request-state.ts';
import { actionBar, emptyView, requestsHeader } from './request-views.ts';
import './requests.css';

/** The next page is asked for when so many rows are left. */
const AHEAD = 40;

/** The requests panel: every exchange, newest first, live. */
export class NexusRequests extends LightElement {
  static override properties: PropertyDeclarations = {
    host: { attribute: false },
    _state: { state: true },
    _connection: { state: true },
    _active: { state: true },
    _chosen: { state: true },
    _top: { state: true },
    _help: { state: true },
  };

  declare host: Host;
  declare _state: RequestsState;
  declare _connection: Connection;
  declare _active: string | null;
  /** Selected, at most two: what is compared. */
  declare _chosen: string[];
  /** Where the list is scrolled to, in pixels. */
  declare _top: number;
  declare _help: boolean;
  #loader: RequestLoader | null = null;
  #subscriptions: Unsubscribe[] = [];
  #refresh = new Later(() => this.load('refresh'), 120);
  #filter = new Later(() => this.load('new'), 180);
  #resized: ResizeObserver | null = null;
  readonly #onKey = requestKeys(this);

  constructor() {
    super();
    this._state = readRequestsState(null);
    this._connection = { state: 'connected', detail: null };
    this._active = null;
    this._chosen = [];
    this._top = 0;
    this._help = false;
  }

  override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (!changed.has('host')) return;
    this.#release();
    this.#loader = new RequestLoader(new Api(this.host), (before, how) => {
      this.#changed(before, how);
    });
    const kept = readRequestsState(this.host.state);
    const asked = filtersOfQuery(new URLSearchParams(location.search));
    const linked = Object.keys(asked).length > 0;
    this._state = linked ? { filters: { ...NO_FILTERS, ...asked }, filtersOpen: true } : kept;
    this.#subscriptions = [
      this.host.onEvent(({ name }) => {
        if (/^exchange\.|^conversation\.deleted$|^resync$/.test(name)) this.#refresh.soon();
      }),
      this.host.onConnection((connection) => {
        this._connection = connection;
        if (connection.state === 'connected' && this.#loader?.status === 'error') this.load('new');
      }),
    ];
    this.host.setTitle('Requests');
    this.host.ready();
    this.load('new');
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener('keydown', this.#onKey);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener('keydown', this.#onKey);
    this.#resized?.disconnect();
    this.#resized = null;
    this.#release();
  }

  override updated(): void {
    const list = this.scroller();
    const loader = this.#loader;
    if (list === null || loader === null) return;
    if (this.#resized === null) {
      this.#resized = new ResizeObserver(() => {
        this.requestUpdate();
      });
      this.#resized.observe(list);
    }
    const last = Math.ceil((list.scrollTop + list.clientHeight) / ROW_HEIGHT);
    const isShort = last + AHEAD > loader.rows.length;
    if (loader.cursor !== null && loader.status === 'idle' && isShort) this.load('more');
  }

  override render(): TemplateResult | typeof nothing {
    const loader = this.#loader;
    if (loader === null) return nothing;
    const { filters, filtersOpen } = this._state;
    return html`<div class="requests-app">
      ${connectionBanner(this.host, this._connection)}
      ${requestsHeader({
        host: this.host,
        filtered: this.filtered(),
        filtersOpen,
        toggle: () => {
          this.keep({ filtersOpen: !filtersOpen });
        },
        refresh: () => {
          this.load('refresh');
        },
      })}
      ${
        filtersOpen
          ? requestFilters({
              filters,
              filtered: this.filtered(),
              choose: (change) => {
                this.choose(change);
              },
              clear: this.#clear,
            })
          : nothing
      }
      ${
        loader.rows.length > 0
          ? requestGrid({
              loader,
              top: this._top,
              height: this.scroller()?.clientHeight ?? innerHeight,
              active: this._active,
              chosen: this._chosen,
              scrolled: (top) => {
                this._top = top;
              },
              pick: (row, choosing) => {
                this._active = row.requestId;
                if (choosing) this.select(row.requestId);
                else this.scroller()?.focus();
              },
              open: (row) => {
                this.open(row);
              },
              more: () => {
                this.load('more');
              },
            })
          : html`<div class="requests-scroll">
              ${emptyView({
                loader,
                filtered: this.filtered(),
                retry: () => {
                  this.load('new');
                },
                clear: this.#clear,
              })}
            </div>`
      }
      ${actionBar({
        host: this.host,
        active: this.activeRow(),
        chosen: this._chosen,
        open: (row) => {
          this.open(row);
        },
        compare: () => {
          this.compare();
        },
      })}
      ${
        this._help
          ? keySheet(REQUEST_KEYS, () => {
              this._help = false;
            })
          : nothing
      }
    </div>`;
  }

  #clear = (): void => {
    this.choose(NO_FILTERS);
  };

  filtered(): boolean {
    return Object.values(this._state.filters).some((value) => value !== '');
  }

  choose(change: Partial<RequestFilters>): void {
    this.keep({ filters: { ...this._state.filters, ...change } });
    this.#filter.soon();
  }

  keep(change: Partial<RequestsState>): void {
    this._state = { ...this._state, ...change };
    this.host.state = this._state;
  }

  activeRow(): RequestRow | null {
    return this.#loader?.rows.find(({ requestId }) => requestId === this._active) ?? null;
  }

  scroller(): HTMLElement | null {
    return this.querySelector('.requests-scroll');
  }

  move(to: (index: number, last: number) => number): void {
    const rows = this.#loader?.rows ?? [];
    const index = rows.findIndex(({ requestId }) => requestId === this._active);
    const last = rows.length - 1;
    const place = Math.max(0, Math.min(last, to(index, last)));
    const row = rows[place];
    const list = this.scroller();
    if (row === undefined || list === null) return;
    this._active = row.requestId;
    // Rows outside of the view are not drawn, so the place is counted.
    const top = place * ROW_HEIGHT;
    const room = list.clientHeight - HEADINGS_HEIGHT - ROW_HEIGHT;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top > list.scrollTop + room) list.scrollTop = top - room;
  }

  /** Takes a row into the selection or out of it; of three the oldest choice goes. */
  select(requestId: string): void {
    this._chosen = this._chosen.includes(requestId)
      ? this._chosen.filter((id) => id !== requestId)
      : [...this._chosen, requestId].slice(-2);
  }

  open(row: RequestRow): void {
    const { conversationId, requestId } = row;
    if (conversationId === null) this.host.openJson(requestId, 'request');
    else this.host.openConversation({ conversationId, requestId });
  }

  compare(): void {
    const [first, second] = this._chosen;
    const active = this.activeRow();
    if (first !== undefined && second !== undefined) this.host.compare(second, first);
    else if (active !== null && active.parentRequestId !== null) {
      this.host.compare(active.requestId, active.parentRequestId);
    }
  }

  load(how: LoadKind): void {
    this.#loader?.load(this._state.filters, how);
  }

  /** Whoever reads further down keeps the rows they see; at the top the newest come in sight. */
  #changed(before: readonly RequestRow[], how: LoadKind): void {
    this.requestUpdate();
    const rows = this.#loader?.rows ?? [];
    const list = this.scroller();
    this._chosen = this._chosen.filter((id) => rows.some(({ requestId }) => requestId === id));
    if (list === null || rows === before || how === 'more') return;
    const place = Math.floor(this._top / ROW_HEIGHT);
    const anchor = before[place]?.requestId;
    const after = rows.findIndex(({ requestId }) => requestId === anchor);
    const kept = this._top === 0 || after < 0 ? this._top : this._top + (after - place) * ROW_HEIGHT;
    const top = how === 'new' ? 0 : kept;
    if (top === this._top) return;
    this._top = top;
    void this.updateComplete.then(() => {
      list.scrollTop = top;
    });
  }

  #release(): void {
    for (const off of this.#subscriptions.splice(0)) off();
    this.#loader?.stop();
    this.#refresh.cancel();
    this.#filter.cancel();
  }
}

customElements.define('nexus-requests', NexusRequests);
