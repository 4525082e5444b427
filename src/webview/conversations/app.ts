import { html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import type { PanelTarget } from '../../protocol/bridge.ts';
import { Api } from '../shared/api.ts';
import { connectionBanner } from '../shared/connection-banner.ts';
import { LightElement } from '../shared/element.ts';
import type { Connection, Host, Unsubscribe } from '../shared/host.ts';
import { isTyping } from '../shared/typing.ts';
import './conversation-list.ts';
import './conversation-view.ts';
import { keyHelp } from './keys.ts';
import { INITIAL_STATE, readPanelState, type PanelState } from './panel-state.ts';

/** The conversations panel: the list, or one conversation. Holds where the user is, nothing else. */
export class NexusApp extends LightElement {
  static override properties: PropertyDeclarations = {
    host: { attribute: false },
    _state: { state: true },
    _connection: { state: true },
    _help: { state: true },
    _placed: { state: true },
  };

  declare host: Host;
  declare _state: PanelState;
  declare _connection: Connection;
  declare _help: boolean;
  declare _placed: boolean;
  #fallback: ReturnType<typeof setTimeout> | undefined;
  #api: Api | null = null;
  #subscriptions: Unsubscribe[] = [];

  constructor() {
    super();
    this._state = INITIAL_STATE;
    this._connection = { state: 'connected', detail: null };
    this._help = false;
    this._placed = false;
  }

  override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (!changed.has('host')) return;
    this.#release();
    this.#api = new Api(this.host);
    const kept = this.host.state;
    this._state = readPanelState(kept);
    // A page that was never placed waits for the host's target, so that the list does not flash up before it.
    this._placed = kept !== undefined && kept !== null;
    if (!this._placed) this.#fallback = setTimeout(() => (this._placed = true), 1500);
    this.#subscriptions = [
      this.host.onShow((target) => {
        this.#show(target);
      }),
      this.host.onConnection((connection) => {
        this._connection = connection;
      }),
    ];
    this.host.ready();
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
    const { conversationId, requestId } = this._state.target;
    const shared = { host: this.host, api: this.#api, panel: this._state };
    return html`<div
      class="app"
      @navigate=${(event: CustomEvent<PanelTarget>) => {
        this.#navigate(event.detail);
      }}
      @panel=${(event: CustomEvent<Partial<PanelState>>) => {
        this.#keep(event.detail);
      }}
      @click=${this.#onClick}
    >
      ${connectionBanner(this.host, this._connection)}
      ${
        !this._placed
          ? nothing
          : conversationId === null
            ? html`<nexus-conversation-list
                .host=${shared.host}
                .api=${shared.api}
                .panel=${shared.panel}
              ></nexus-conversation-list>`
            : html`<nexus-conversation
                .host=${shared.host}
                .api=${shared.api}
                .panel=${shared.panel}
                .conversationId=${conversationId}
                .requestId=${requestId}
              ></nexus-conversation>`
      }
      ${
        this._help
          ? keyHelp(conversationId !== null, () => {
              this._help = false;
            })
          : nothing
      }
    </div>`;
  }

  /** The host's wish; the conversation that is shown already keeps its chosen turn. */
  #show(target: PanelTarget): void {
    const { conversationId, requestId } = this._state.target;
    const same = target.conversationId === conversationId && target.requestId === null;
    this.#navigate(same ? { conversationId, requestId } : target);
    this._placed = true;
  }

  #navigate(target: PanelTarget): void {
    const leaves = target.conversationId !== this._state.target.conversationId;
    this.#keep({ target, ...(leaves ? { branch: null, expanded: [] } : {}) });
    this.host.navigated(target);
    if (target.conversationId === null) this.host.setTitle('Conversations');
  }

  #keep(change: Partial<PanelState>): void {
    this._state = { ...this._state, ...change };
    this.host.state = this._state;
  }

  #release(): void {
    clearTimeout(this.#fallback);
    for (const off of this.#subscriptions.splice(0)) off();
  }

  /** Links never leave the page by themselves: the host opens them. */
  #onClick = (event: Event): void => {
    const target = event.target instanceof Element ? event.target.closest('a[href]') : null;
    if (!target) return;
    event.preventDefault();
    this.host.openLink(target.getAttribute('href') ?? '');
  };

  #onKey = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Escape' && this._help) {
      this._help = false;
      event.preventDefault();
      event.stopImmediatePropagation();
    } else if (event.key === '?' && !isTyping(event)) {
      this._help = !this._help;
      event.preventDefault();
    }
  };
}

customElements.define('nexus-app', NexusApp);
