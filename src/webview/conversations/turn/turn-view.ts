import { html, type nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import { keyed } from 'lit/directives/keyed.js';
import type { RequestDetail, RequestRow } from '../../../protocol/rows.ts';
import type { Api, DetailField } from '../../shared/api.ts';
import { button } from '../../shared/controls.ts';
import { LightElement } from '../../shared/element.ts';
import type { Host } from '../../shared/host.ts';
import { notice } from '../../shared/notices.ts';
import type { TurnTab } from '../panel-state.ts';
import type { Turn } from '../tree/turns.ts';
import { isObject, readContent } from './blocks.ts';
import { conversationTab } from './conversation-tab.ts';
import './place-view.ts';
import { headersTab, jsonTab, streamTab } from './raw-tabs.ts';
import { systemTab, toolsTab } from './prompt-tabs.ts';
import { readTurn, type TurnContent } from './turn-content.ts';
import { TurnLoader } from './turn-loader.ts';
import { turnSummary } from './turn-summary.ts';
import './turn-view.css';

const FIELDS: Record<TurnTab, DetailField[]> = {
  conversation: ['requestBody', 'responseBody', 'usageData'],
  system: ['requestBody', 'responseBody', 'usageData'],
  tools: ['requestBody', 'responseBody', 'usageData'],
  headers: [
    'requestHeaders',
    'responseHeaders',
    'redactions',
    'systemHash',
    'currentMessageHash',
    'parentMessageHash',
  ],
  stream: ['streamingChunks'],
  json: ['requestBody', 'responseBody', 'usageData'],
};

/** One turn: what was asked and answered, and the request it came from. */
export class TurnView extends LightElement {
  static override properties: PropertyDeclarations = {
    host: { attribute: false },
    api: { attribute: false },
    turn: { attribute: false },
    request: { attribute: false },
    tab: { attribute: false },
    window: { attribute: false },
    openAttempt: { attribute: false },
    openTask: { attribute: false },
    turnOf: { attribute: false },
    _data: { state: true },
    _before: { state: true },
    _next: { state: true },
    _error: { state: true },
    _earlier: { state: true },
  };

  declare host: Host;
  declare api: Api;
  declare turn: Turn;
  /** The try that is shown; usually the last. */
  declare request: RequestRow;
  declare tab: TurnTab;
  declare window: number;
  declare openAttempt: (requestId: string) => void;
  declare openTask: (toolUseId: string) => void;
  declare turnOf: (requestId: string) => Turn | undefined;
  declare _data: Partial<RequestDetail>;
  /** Body of the turn before, for what changed in system and tools; undefined: not known. */
  declare _before: unknown;
  /** Body of the turn after, for the results of this turn's calls. */
  declare _next: unknown;
  declare _error: Error | null;
  /** How many earlier messages are shown. */
  declare _earlier: number;
  #loader: TurnLoader | null = null;
  #abort = new AbortController();
  #shown = '';
  #scrolls = new Map<string, number>();
  #content: { key: unknown[]; value: TurnContent } | null = null;

  constructor() {
    super();
    this.tab = 'conversation';
    this._data = {};
    this._error = null;
    this._earlier = 0;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#abort.abort();
  }

  override willUpdate(changed: Map<PropertyKey, unknown>): void {
    this.#loader ??= new TurnLoader(this.api);
    const other = this.#shown !== this.request.requestId;
    if (other) {
      this.#shown = this.request.requestId;
      this._data = {};
      this._before = undefined;
      this._next = undefined;
      this._error = null;
      this._earlier = 0;
    }
    if (other || changed.has('request') || changed.has('tab') || changed.has('turn')) {
      this.#load(this.#loader);
    }
  }

  override updated(changed: Map<PropertyKey, unknown>): void {
    // Every turn and tab keeps its own place.
    if (changed.has('_data') || changed.has('tab') || changed.has('request')) {
      const scroller = this.querySelector('.turn-scroll');
      const place = this.#scrolls.get(this.#place()) ?? 0;
      if (scroller && Math.abs(scroller.scrollTop - place) > 1) scroller.scrollTop = place;
    }
  }

  override render(): TemplateResult {
    const tools = isObject(this._data.requestBody) ? this._data.requestBody['tools'] : undefined;
    return html`<div class="turn">
      ${turnSummary({
        turn: this.turn,
        request: this.request,
        window: this.window,
        tab: this.tab,
        toolCount: Array.isArray(tools) ? tools.length : null,
        openAttempt: this.openAttempt,
        openJson: (part) => {
          this.host.openJson(this.request.requestId, part);
        },
        chooseTab: (tab) => {
          this.tell('panel', { tab });
        },
      })}
      <div
        class="turn-scroll"
        role="tabpanel"
        id="turn-panel"
        tabindex="0"
        aria-labelledby="turn-tab-${this.tab}"
        @scroll=${(event: Event) => {
          this.#scrolls.set(this.#place(), (event.currentTarget as HTMLElement).scrollTop);
        }}
      >
        ${keyed(this.#place(), html`<div class="turn-body">${this.#body()}</div>`)}
      </div>
    </div>`;
  }

  #place(): string {
    return `${this.request.requestId}:${this.tab}`;
  }

  #body(): TemplateResult | typeof nothing {
    const wanted = FIELDS[this.tab][0];
    const loaded = wanted !== undefined && wanted in this._data;
    if (this._error && !loaded) return this.#failure(this._error);
    if (!loaded) {
      return html`<div class="turn-skeleton" role="status" aria-label="Loading turn">
        ${[30, 70, 62, 46, 58].map((width) => html`<span class="skeleton w-${width}"></span>`)}
      </div>`;
    }
    const { _data: data, request } = this;
    switch (this.tab) {
      case 'conversation':
        return conversationTab({
          content: this.#turnContent(),
          request,
          requestBody: data.requestBody,
          responseBody: data.responseBody,
          earlier: this._earlier,
          tasks: new Set(this.turn.invocations.map((call) => call.toolUseId)),
          openTask: this.openTask,
          showEarlier: (count) => (this._earlier = count),
        });
      case 'system':
        return systemTab(this.#prompt(data.requestBody, 'system'), this.#prompt(this._before, 'system'));
      case 'tools':
        return toolsTab(this.#prompt(data.requestBody, 'tools'), this.#prompt(this._before, 'tools'));
      case 'headers':
        return headersTab(
          request,
          data,
          html`<nexus-place
            .api=${this.api}
            .turn=${this.turn}
            .request=${request}
            .turnOf=${this.turnOf}
          ></nexus-place>`,
        );
      case 'stream':
        return streamTab(data.streamingChunks ?? []);
      case 'json':
        return jsonTab(data, (part) => {
          this.host.openJson(request.requestId, part);
        });
    }
  }

  #prompt(body: unknown, field: 'system' | 'tools'): unknown[] | null {
    if (!isObject(body)) return null;
    const value = body[field];
    if (field === 'system') return readContent(value);
    return Array.isArray(value) ? (value as unknown[]) : [];
  }

  #turnContent(): TurnContent {
    const parent = this.turn.parent;
    const sameTask = parent !== null && (parent.branchId === this.turn.branchId || !this.request.isSubtask);
    const key = [this._data.requestBody, this._data.responseBody, this._next, parent?.key];
    if (!this.#content || key.some((part, index) => part !== this.#content?.key[index])) {
      const value = readTurn({
        requestBody: this._data.requestBody,
        responseBody: this._data.responseBody,
        parentCount: sameTask ? parent.request.messageCount : null,
        nextBody: this._next,
      });
      this.#content = { key, value };
    }
    return this.#content.value;
  }

  #failure(error: Error): TemplateResult {
    return notice({
      icon: 'debug-disconnect',
      title: 'This turn could not be loaded',
      text: error.message,
      actions: html`${button({
        label: 'Try again',
        icon: 'refresh',
        onClick: () => {
          this._error = null;
          if (this.#loader) this.#load(this.#loader);
        },
      })}${button({
        label: 'Open request JSON',
        icon: 'json',
        onClick: () => {
          this.host.openJson(this.request.requestId, 'request');
        },
      })}`,
      role: 'alert',
    });
  }

  #load(loader: TurnLoader): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    const { tab, turn } = this;
    const fail = (error: unknown): void => {
      if (!signal.aborted) this._error = error instanceof Error ? error : new Error(String(error));
    };
    loader.load(this.request, FIELDS[tab], signal).then((data) => {
      if (signal.aborted) return;
      this._data = { ...this._data, ...data };
      this._error = null;
      if (tab === 'conversation') this.#loadBody(loader, answering(turn), '_next', signal);
      if (tab === 'system' || tab === 'tools') {
        this.#loadBody(loader, turn.parent?.request ?? null, '_before', signal);
      }
    }, fail);
  }

  /** A neighbour's body: nice to have, so its failure only leaves out what it would have added. */
  #loadBody(
    loader: TurnLoader,
    request: RequestRow | null,
    into: '_next' | '_before',
    signal: AbortSignal,
  ): void {
    if (!request || (into === '_next' && this.request.toolCallCount === 0)) return;
    loader.load(request, ['requestBody'], signal).then(
      (data) => {
        if (!signal.aborted) this[into] = data.requestBody;
      },
      (error: unknown) => {
        if (!signal.aborted) console.warn('A neighbouring turn could not be loaded.', error);
      },
    );
  }
}

/** The request that carries the results of a turn's calls: the next one of its branch, else the first that goes on. */
function answering(turn: Turn): RequestRow | null {
  const next =
    turn.children.find((child) => child.branchId === turn.branchId) ??
    turn.children.find((child) => !child.request.isSubtask);
  return next?.request ?? null;
}

customElements.define('nexus-turn', TurnView);
