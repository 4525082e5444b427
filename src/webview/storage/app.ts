import { html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import type { NexusEvent } from '../../protocol/events.ts';
import type { SidecarStatus } from '../../protocol/status.ts';
import type { PruneReport, StorageReport } from '../../protocol/storage.ts';
import { isTyping } from '../shared/typing.ts';
import { Api } from '../shared/api.ts';
import { connectionBanner } from '../shared/connection-banner.ts';
import { button } from '../shared/controls.ts';
import { LightElement } from '../shared/element.ts';
import type { Connection, Host, Unsubscribe } from '../shared/host.ts';
import { icon, iconButton } from '../shared/icon.ts';
import { notice } from '../shared/notices.ts';
import './prune-dialog.ts';
import { reportSections, summary } from './report-view.ts';
import './storage.css';
import { prunedText, vacuumedText } from './words.ts';

/** Traffic changes the figures all the time: they are asked for again at most so often, ms. */
const REFRESH_MS = 30_000;
/** While housekeeping is at work, ms. */
const WATCH_MS = 1500;

/** The storage panel: what is kept, how much room it takes, and how to make room. */
export class NexusStorage extends LightElement {
  static override properties: PropertyDeclarations = {
    host: { attribute: false },
    _connection: { state: true },
    _report: { state: true },
    _status: { state: true },
    _error: { state: true },
    _vacuuming: { state: true },
    _pruning: { state: true },
    _done: { state: true },
  };

  declare host: Host;
  declare _connection: Connection;
  declare _report: StorageReport | null;
  declare _status: SidecarStatus | null;
  declare _error: string | null;
  declare _vacuuming: boolean;
  /** The dialog is open. */
  declare _pruning: boolean;
  /** What the last action did, in a sentence. */
  declare _done: { text: string; failed: boolean } | null;
  #api: Api | null = null;
  #subscriptions: Unsubscribe[] = [];
  #loading: AbortController | null = null;
  #loadedAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this._connection = { state: 'connected', detail: null };
    this._report = null;
    this._status = null;
    this._error = null;
    this._vacuuming = false;
    this._pruning = false;
    this._done = null;
  }

  override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (!changed.has('host')) return;
    this.#release();
    this.#api = new Api(this.host);
    this.#subscriptions = [
      this.host.onEvent((event) => {
        this.#take(event);
      }),
      this.host.onConnection((connection) => {
        this._connection = connection;
        if (connection.state === 'connected') void this.#load();
      }),
    ];
    this.host.setTitle('Storage');
    this.host.ready();
    void this.#load();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener('keydown', this.#onKey);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener('keydown', this.#onKey);
    this.#release();
  }

  override render(): TemplateResult | typeof nothing {
    if (!this.#api) return nothing;
    return html`<div class="app">
      ${connectionBanner(this.host, this._connection)}
      <div class="storage-scroll">
        <main class="storage" aria-busy=${this._report === null && this._error === null}>
          ${this.#header()} ${this.#content()}
        </main>
      </div>
      ${
        this._pruning
          ? html`<nexus-prune-dialog
              .api=${this.#api}
              @pruned=${(event: CustomEvent<PruneReport>) => {
                this._done = { text: prunedText(event.detail), failed: false };
                void this.#load();
              }}
              @closed=${() => {
                this._pruning = false;
              }}
            ></nexus-prune-dialog>`
          : nothing
      }
    </div>`;
  }

  get #isEmpty(): boolean {
    if (this._report === null) return false;
    const { exchanges, journal } = this._report;
    return exchanges === 0 && journal.waiting.files === 0 && journal.failed.files === 0;
  }

  #header(): TemplateResult {
    const ready = this._report !== null;
    return html`<header class="storage-header">
        ${
          this.host.openPage === null
            ? nothing
            : iconButton({
                name: 'arrow-left',
                title: 'Conversations',
                onClick: () => this.host.openPage?.('conversations'),
              })
        }
        <h1>Storage</h1>
        ${iconButton({ name: 'refresh', title: 'Refresh (r)', onClick: () => void this.#load() })}
        ${button({
          label: this._vacuuming ? 'Vacuuming…' : 'Vacuum',
          title: 'Make the room of deleted rows usable again, and give back what is free at the end',
          disabled: !ready || this._vacuuming,
          onClick: () => void this.#vacuum(),
        })}
        ${button({
          label: 'Delete old conversations…',
          disabled: !ready || this.#isEmpty,
          onClick: () => {
            this._pruning = true;
          },
        })}
      </header>
      ${this._report && this._status ? summary(this._report, this._status) : nothing} ${this.#strips()}`;
  }

  /** What there is to know besides the figures: live mode, work under way, what was done, a failed refresh. */
  #strips(): TemplateResult {
    const { task, detail, waiting } = this._report?.housekeeping ?? { task: null, detail: '', waiting: 0 };
    const more = waiting === 0 ? '' : ` · ${String(waiting)} more to do`;
    return html`${
        this._status?.storage === 'live'
          ? strip('eye', 'Live only: the newest requests are kept in memory, and nothing is written to disk.')
          : nothing
      }
      ${task === null ? nothing : strip('sync', `${TASKS[task]} ${detail}${more}`)}
      <div role="status">
        ${this._done === null ? nothing : strip(this._done.failed ? 'error' : 'check', this._done.text)}
      </div>
      ${
        this._error !== null && this._report !== null
          ? strip('warning', `These figures are not new: ${this._error}`)
          : nothing
      }`;
  }

  #content(): TemplateResult {
    if (this._report === null) {
      return this._error === null
        ? skeleton()
        : notice({
            icon: 'debug-disconnect',
            title: 'The figures could not be loaded',
            text: this._error,
            actions: button({ label: 'Try again', icon: 'refresh', onClick: () => void this.#load() }),
            role: 'alert',
          });
    }
    if (this.#isEmpty) {
      return notice({
        icon: 'database',
        title: 'Nothing is stored yet',
        text: 'Every request that passes through Claude Nexus is kept here.',
      });
    }
    return reportSections(this._report, new Date().toISOString().slice(0, 10));
  }

  async #load(): Promise<void> {
    const api = this.#api;
    if (api === null) return;
    this.#loading?.abort();
    clearTimeout(this.#timer);
    const loading = (this.#loading = new AbortController());
    this.#loadedAt = Date.now();
    try {
      const [report, status] = await Promise.all([
        api.getStorage(loading.signal),
        api.getStatus(loading.signal),
      ]);
      if (loading.signal.aborted) return;
      [this._report, this._status, this._error] = [report, status, null];
      if (report.housekeeping.task !== null) this.#timer = setTimeout(() => void this.#load(), WATCH_MS);
    } catch (error) {
      if (!loading.signal.aborted) this._error = messageOf(error);
    }
  }

  async #vacuum(): Promise<void> {
    if (this.#api === null || this._vacuuming) return;
    this._vacuuming = true;
    this._done = null;
    try {
      const report = await this.#api.vacuum(new AbortController().signal);
      this._done = { text: vacuumedText(report), failed: false };
    } catch (error) {
      this._done = { text: `Nothing was vacuumed: ${messageOf(error)}`, failed: true };
    }
    this._vacuuming = false;
    await this.#load();
  }

  #take({ name }: NexusEvent): void {
    const late = Date.now() - this.#loadedAt > REFRESH_MS;
    if (name === 'conversation.deleted' || name === 'resync' || (name === 'exchange.recorded' && late)) {
      void this.#load();
    }
  }

  #release(): void {
    this.#loading?.abort();
    clearTimeout(this.#timer);
    for (const off of this.#subscriptions.splice(0)) off();
  }

  #onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'r' || event.ctrlKey || event.metaKey || event.altKey) return;
    if (this._pruning || isTyping(event)) return;
    event.preventDefault();
    void this.#load();
  };
}

const TASKS = {
  delete: 'Deleting a conversation…',
  prune: 'Deleting old conversations…',
  vacuum: 'Vacuuming…',
  relink: 'Linking requests anew…',
  rebuild: 'Rebuilding conversations…',
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function strip(name: string, text: string): TemplateResult {
  return html`<p class="storage-strip">${icon(name, undefined, 'small')}<span>${text}</span></p>`;
}

/** Bars in the shape of the page, while it loads. */
function skeleton(): TemplateResult {
  const widths = [58, 46, 38, 34, 42];
  return html`<div role="status" aria-label="Loading figures">
    ${[0, 1].map(
      () =>
        html`<section class="storage-section">
          ${widths.map((width) => html`<span class="skeleton w-${width}"></span>`)}
        </section>`,
    )}
  </div>`;
}

customElements.define('nexus-storage', NexusStorage);
