import { html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import { setStyle } from '../shared/set-style.ts';
import type { NexusEvent } from '../../protocol/events.ts';
import type { ConversationDetail } from '../../protocol/rows.ts';
import { isUnknown, type Api } from '../shared/api.ts';
import { LightElement } from '../shared/element.ts';
import type { Host, Unsubscribe } from '../shared/host.ts';
import { Later } from '../shared/later.ts';
import { layOut, readConversation, tailOf, tasksAround, type Loaded } from './conversation-data.ts';
import { conversationFailure } from './conversation-failure.ts';
import { conversationKeys } from './conversation-keys.ts';
import { branchBar, conversationHeader } from './conversation-header.ts';
import './conversation-view.css';
import { notice } from '../shared/notices.ts';
import type { PanelState } from './panel-state.ts';
import './sash.ts';
import './tree/conversation-tree.ts';
import type { TaskItem, TreeItem, TreeLayout } from './tree/layout.ts';
import { conversationSkeleton } from './conversation-skeleton.ts';
import type { Turn } from './tree/turns.ts';
import './turn/task-view.ts';
import './turn/turn-view.ts';

/** One conversation: header, branches, the tree and the chosen turn. */
export class ConversationView extends LightElement {
  static override properties: PropertyDeclarations = {
    host: { attribute: false },
    api: { attribute: false },
    panel: { attribute: false },
    conversationId: { attribute: false },
    requestId: { attribute: false },
    _loaded: { state: true },
    _error: { state: true },
    _search: { state: true },
    _task: { state: true },
    _attempt: { state: true },
    _copied: { state: true },
  };

  declare host: Host;
  declare api: Api;
  declare panel: PanelState;
  declare conversationId: string;
  /** The chosen turn, by any of its tries. */
  declare requestId: string | null;
  declare _loaded: Loaded | null;
  declare _error: Error | null;
  declare _search: string;
  /** Key of the chosen sub-task box; it wins over the turn. */
  declare _task: string | null;
  /** The try of the chosen turn that was asked for; null: the last. */
  declare _attempt: string | null;
  declare _copied: string | null;
  #abort = new AbortController();
  #off: Unsubscribe | null = null;
  #reload = new Later(() => {
    this.load();
  }, 120);
  #copied = new Later(() => (this._copied = null), 1600);
  #keys = conversationKeys(this);
  layout: TreeLayout | null = null;

  constructor() {
    super();
    this.requestId = null;
    this._loaded = null;
    this._error = null;
    this._search = '';
    this._task = null;
    this._attempt = null;
    this._copied = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener('keydown', this.#keys);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener('keydown', this.#keys);
    this.#off?.();
    this.#off = null;
    this.#abort.abort();
    this.#reload.cancel();
    this.#copied.cancel();
  }

  override willUpdate(changed: Map<PropertyKey, unknown>): void {
    this.#off ??= this.host.onEvent((event) => {
      if (this.#concerns(event)) this.#reload.soon();
    });
    if (changed.has('conversationId')) {
      this._loaded = null;
      this._error = null;
      this._search = '';
      this._task = null;
      this.load();
    }
    if (changed.has('requestId') || changed.has('_loaded')) this.#reveal();
    if (this._loaded) this.layout = layOut(this._loaded, this.panel, this._search);
  }

  override render(): TemplateResult {
    if (this._error && !this._loaded) {
      return conversationFailure(
        this._error,
        () => {
          this.load();
        },
        () => {
          this.back();
        },
      );
    }
    if (!this._loaded || !this.layout) return conversationSkeleton();
    const { detail, graph, styles, window } = this._loaded;
    const turn = this.chosenTurn();
    const counts = new Map([...graph.byBranch].map(([branchId, turns]) => [branchId, turns.length]));
    return html`<div class="conversation">
      ${conversationHeader({
        detail,
        host: this.host,
        requestId: this.requestId,
        copied: this._copied,
        onCopy: (what) => {
          this.#copy(what);
        },
        onBack: () => {
          this.back();
        },
        onRefresh: () => {
          this.load();
        },
      })}
      ${branchBar({
        styles,
        counts,
        chosen: this.panel.branch,
        search: this._search,
        onChoose: (branch) => {
          this.tell('panel', { branch });
        },
        onSearch: (text) => (this._search = text),
      })}
      <div class="split" ${setStyle({ '--nexus-split': `${(this.panel.split * 100).toFixed(2)}%` })}>
        <div class="split-tree">
          ${
            this.layout.items.length === 0
              ? notice({
                  icon: 'search',
                  title: 'No turn matches',
                  text: 'Clear the search or choose another branch.',
                })
              : html`<nexus-tree
                  .layout=${this.layout}
                  .selected=${this.selectedKey()}
                  .zoom=${this.panel.zoom}
                  .window=${window}
                  @choose=${(event: CustomEvent<TreeItem>) => {
                    this.choose(event.detail);
                  }}
                  @toggle=${(event: CustomEvent<TaskItem>) => {
                    this.toggle(event.detail);
                  }}
                ></nexus-tree>`
          }
        </div>
        <nexus-sash
          .value=${this.panel.split}
          @split=${(event: CustomEvent<number>) => {
            this.tell('panel', { split: event.detail });
          }}
        ></nexus-sash>
        <div class="split-turn">${this.#side(turn)}</div>
      </div>
    </div>`;
  }

  #side(turn: Turn | null): TemplateResult | typeof nothing {
    if (!this._loaded) return nothing;
    const task = this.chosenTask();
    const openTurn = (requestId: string): void => {
      this._task = null;
      this.#go(requestId);
    };
    if (task) {
      return html`<nexus-task .item=${task} .open=${openTurn}></nexus-task>`;
    }
    if (!turn) return nothing;
    const wanted = this._attempt ?? (this.requestId === turn.key ? null : this.requestId);
    const attempt = turn.attempts.find((each) => each.requestId === wanted);
    return html`<nexus-turn
      .host=${this.host}
      .api=${this.api}
      .turn=${turn}
      .request=${attempt ?? turn.request}
      .tab=${this.panel.tab}
      .window=${this._loaded.window}
      .openAttempt=${(requestId: string) => {
        this._attempt = requestId;
      }}
      .openTask=${(toolUseId: string) => {
        this.openTask(toolUseId);
      }}
      .turnOf=${(requestId: string) => this._loaded?.graph.byRequest.get(requestId)}
    ></nexus-turn>`;
  }

  /** Fetches the conversation again; what is chosen, opened and scrolled stays. */
  load(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    this.api.getConversation(this.conversationId, signal).then(
      (detail) => {
        if (!signal.aborted) this.#receive(detail);
      },
      (error: unknown) => {
        if (signal.aborted) return;
        this._error = error instanceof Error ? error : new Error(String(error));
        if (isUnknown(error)) this._loaded = null;
      },
    );
  }

  #receive(detail: ConversationDetail): void {
    const before = this._loaded && tailOf(this._loaded.graph);
    const chosen = this.chosenTurn();
    this._loaded = readConversation(detail);
    const { graph } = this._loaded;
    this._error = null;
    this.host.setTitle(detail.conversation.title || 'Untitled conversation');
    const last = tailOf(graph);
    // Whoever watched the last turn goes on watching the last turn.
    const follows = chosen === null || (chosen === before && this._task === null);
    const wanted = this.requestId !== null && graph.byRequest.has(this.requestId);
    if (last && (!wanted || (follows && chosen !== null && last.key !== chosen.key))) this.#go(last.key);
  }

  /** Opens the sub-tasks a chosen turn lies in: what is chosen is in the tree. */
  #reveal(): void {
    if (!this._loaded || this._task !== null) return;
    const expanded = new Set([...this.panel.expanded, ...tasksAround(this._loaded, this.chosenTurn())]);
    if (expanded.size > this.panel.expanded.length) this.tell('panel', { expanded: [...expanded] });
  }

  #concerns(event: NexusEvent): boolean {
    if (event.name === 'resync') return true;
    if (!event.name.startsWith('exchange.') && !event.name.startsWith('conversation.')) return false;
    return event.ids.some((id) => id === this.conversationId || this._loaded?.graph.byRequest.has(id));
  }

  chosenTurn(): Turn | null {
    return this.requestId === null ? null : (this._loaded?.graph.byRequest.get(this.requestId) ?? null);
  }

  chosenTask(): TaskItem | null {
    if (this._task === null) return null;
    const item = this.layout?.items.find((each) => each.key === this._task);
    return item?.kind === 'task' ? item : null;
  }

  selectedKey(): string | null {
    return this.chosenTask()?.key ?? this.chosenTurn()?.key ?? null;
  }

  choose(item: TreeItem): void {
    if (item.kind === 'joint') return;
    this._task = item.kind === 'task' ? item.key : null;
    if (item.kind === 'turn') this.#go(item.turn.key);
  }

  toggle(item: TaskItem): void {
    const { branchId } = item.branch;
    if (item.turns.length === 0) return;
    const expanded = this.panel.expanded.filter((id) => id !== branchId);
    // What is chosen inside goes with its box.
    if (item.expanded && this.chosenTurn()?.branchId === branchId) this._task = item.key;
    this.tell('panel', { expanded: item.expanded ? expanded : [...expanded, branchId] });
  }

  openTask(toolUseId: string): void {
    const item = this.layout?.items.find((each) => each.key === `task:${toolUseId}`);
    if (item?.kind !== 'task') return;
    if (!item.expanded) this.toggle(item);
    this.choose(item);
  }

  nextBranch(): void {
    const ids = [...(this._loaded?.styles.values() ?? [])]
      .filter((style) => style.kind !== 'subtask')
      .map((style) => style.branchId);
    const order = [null, ...ids];
    this.tell('panel', { branch: order[(order.indexOf(this.panel.branch) + 1) % order.length] ?? null });
  }

  back(): void {
    this.tell('navigate', { conversationId: null, requestId: null });
  }

  #go(requestId: string): void {
    this._attempt = null;
    this.tell('navigate', { conversationId: this.conversationId, requestId });
  }

  #copy(what: 'link' | 'id'): void {
    this.host.copy(
      what === 'id' ? this.conversationId : this.host.linkTo(this.conversationId, this.requestId),
    );
    this._copied = what;
    this.#copied.soon();
  }
}

customElements.define('nexus-conversation', ConversationView);
