import { html, nothing, svg, type PropertyDeclarations, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { setStyle } from '../../shared/set-style.ts';
import { LightElement } from '../../shared/element.ts';
import { iconButton } from '../../shared/icon.ts';
import { foldText } from '../turn/folding.ts';
import './conversation-tree.css';
import { drawEdge, drawNode } from './drawing.ts';
import { visibleItems, type TaskItem, type TreeItem, type TreeLayout } from './layout.ts';
import { itemId, taskRow, turnRow, jointRow } from './rows.ts';

const MIN_ZOOM = 0.4;
const MAX_ZOOM = 2;
/** Room for the context bar beside the drawing, in px. */
const FILL = 84;
/** Rows drawn beyond each edge of the viewport, in px: fast scrolling shows no gaps. */
const OVERSCAN = 240;

/** The tree of a conversation. Only what is in view is in the document, so thousands of turns stay fluid. */
export class ConversationTree extends LightElement {
  static override properties: PropertyDeclarations = {
    layout: { attribute: false },
    selected: { attribute: false },
    zoom: { attribute: false },
    window: { attribute: false },
    _top: { state: true },
    _height: { state: true },
    _hover: { state: true },
  };

  declare layout: TreeLayout;
  declare selected: string | null;
  declare zoom: number;
  /** Context window of the model, in tokens. */
  declare window: number;
  declare _top: number;
  declare _height: number;
  declare _hover: { item: TaskItem; left: number; bottom: number } | null;
  #resize = new ResizeObserver(() => {
    this._height = this.#scroller?.clientHeight ?? this._height;
  });

  constructor() {
    super();
    this.selected = null;
    this.zoom = 1;
    this.window = 200_000;
    this._top = 0;
    this._height = 800;
    this._hover = null;
  }

  get #scroller(): HTMLElement | null {
    return this.querySelector('.tree-scroll');
  }

  override firstUpdated(): void {
    if (this.#scroller) this.#resize.observe(this.#scroller);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resize.disconnect();
  }

  override updated(changed: Map<PropertyKey, unknown>): void {
    if (changed.has('selected')) this.#reveal();
  }

  override render(): TemplateResult {
    const { layout, zoom } = this;
    const top = this._top / zoom - OVERSCAN;
    const bottom = (this._top + this._height) / zoom + OVERSCAN;
    const items = visibleItems(layout.items, top, bottom);
    const edges = layout.edges.filter((edge) => edge.bottom >= top && edge.top <= bottom);
    const active = layout.items.find((item) => item.key === this.selected);
    return html`<div
        class="tree-scroll"
        role="tree"
        tabindex="0"
        aria-label="Turns of this conversation"
        aria-activedescendant=${active ? itemId(active) : nothing}
        @scroll=${this.#onScroll}
        @wheel=${this.#onWheel}
        @keydown=${this.#onKey}
      >
        <div
          class="tree-sizer"
          ${setStyle({ height: `${layout.height * zoom}px`, 'min-width': `${(layout.width + FILL) * zoom}px` })}
        >
          <div
            class="tree-canvas"
            ${setStyle({ transform: `scale(${zoom})`, width: `${100 / zoom}%`, height: `${layout.height}px` })}
          >
            ${repeat(
              items,
              (item) => item.key,
              (item) => this.#row(item),
            )}
            <svg class="tree-graph" width=${layout.width + 8} height=${layout.height} aria-hidden="true">
              ${edges.map(drawEdge)}
              ${items.map((item) => svg`${drawNode(item, item.key === this.selected)}`)}
            </svg>
          </div>
        </div>
      </div>
      <div class="tree-tools" role="toolbar" aria-label="Zoom">
        ${iconButton({
          name: 'zoom-out',
          title: 'Zoom out (−)',
          onClick: () => {
            this.#zoomBy(1 / 1.2);
          },
        })}
        ${iconButton({
          name: 'zoom-in',
          title: 'Zoom in (+)',
          onClick: () => {
            this.#zoomBy(1.2);
          },
        })}
        ${iconButton({
          name: 'screen-full',
          title: 'Fit the whole tree',
          onClick: () => {
            this.#fit();
          },
        })}
      </div>
      ${this.#card()}`;
  }

  #row(item: TreeItem): TemplateResult {
    const choose = (): void => {
      this.tell('choose', item);
      this.#scroller?.focus({ preventScroll: true });
    };
    const selected = item.key === this.selected;
    if (item.kind === 'turn') return turnRow(item, { selected, window: this.window, choose });
    if (item.kind === 'joint') return jointRow(item);
    return taskRow(item, {
      selected,
      window: this.window,
      choose: () => {
        if (!item.expanded) this.tell('toggle', item);
        choose();
      },
      toggle: () => {
        this.tell('toggle', item);
      },
      hover: (box) => {
        const edge = box?.getBoundingClientRect();
        this._hover = edge ? { item, left: edge.left, bottom: window.innerHeight - edge.top + 4 } : null;
      },
    });
  }

  /** The prompt of a sub-task, above its box. */
  #card(): TemplateResult | typeof nothing {
    const prompt = this._hover?.item.invocation?.prompt;
    if (!this._hover || !prompt) return nothing;
    const { shown, hidden } = foldText(prompt);
    const left = Math.max(8, Math.min(this._hover.left, window.innerWidth - 376));
    return html`<div
      class="hover-card"
      role="tooltip"
      ${setStyle({ left: `${left}px`, bottom: `${this._hover.bottom}px` })}
    >
      <div class="hover-text">${shown}${hidden > 0 ? '\n…' : ''}</div>
    </div>`;
  }

  #onScroll = (event: Event): void => {
    const scroller = event.currentTarget as HTMLElement;
    this._top = scroller.scrollTop;
    this._height = scroller.clientHeight;
    this._hover = null;
  };

  #onWheel = (event: WheelEvent): void => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.#zoomBy(
      Math.exp(-event.deltaY / 400),
      event.clientY - (this.#scroller?.getBoundingClientRect().top ?? 0),
    );
  };

  #onKey = (event: KeyboardEvent): void => {
    const factor = { '+': 1.2, '=': 1.2, '-': 1 / 1.2, '0': 1 / this.zoom }[event.key];
    if (factor === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.#zoomBy(factor);
  };

  /** Zooms around a point of the viewport, so that what one looks at stays where it is. */
  #zoomBy(factor: number, at = this._height / 2): void {
    const zoom = Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, this.zoom * factor));
    const place = (this._top + at) / this.zoom;
    this.tell('panel', { zoom: Math.abs(zoom - 1) < 0.03 ? 1 : zoom });
    requestAnimationFrame(() => {
      if (this.#scroller) this.#scroller.scrollTop = place * zoom - at;
    });
  }

  #fit(): void {
    const width = this.#scroller?.clientWidth ?? 400;
    const fit = Math.min(this._height / this.layout.height, width / (this.layout.width + FILL), 1);
    this.#zoomBy(Math.max(MIN_ZOOM, fit) / this.zoom, 0);
  }

  /** Brings the chosen row into view, if it is not. */
  #reveal(): void {
    const scroller = this.#scroller;
    const item = this.layout.items.find((each) => each.key === this.selected);
    if (!scroller || !item) return;
    const top = item.y * this.zoom;
    const bottom = (item.y + item.height) * this.zoom;
    if (top < scroller.scrollTop) scroller.scrollTop = Math.max(0, top - 24);
    else if (bottom > scroller.scrollTop + scroller.clientHeight) {
      scroller.scrollTop = bottom - scroller.clientHeight + 24;
    }
  }
}

customElements.define('nexus-tree', ConversationTree);
