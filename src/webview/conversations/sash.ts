import { html, type PropertyDeclarations, type TemplateResult } from 'lit';
import { LightElement } from '../shared/element.ts';

const MIN = 0.2;
const MAX = 0.8;

/** The draggable edge between tree and turn. Side by side it moves sideways, stacked it moves up and down. */
export class Sash extends LightElement {
  static override properties: PropertyDeclarations = { value: { attribute: false } };
  declare value: number;

  override render(): TemplateResult {
    return html`<div
      class="sash"
      role="separator"
      tabindex="0"
      aria-label="Resize tree and turn"
      aria-valuemin=${MIN * 100}
      aria-valuemax=${MAX * 100}
      aria-valuenow=${Math.round(this.value * 100)}
      @pointerdown=${this.#grab}
      @keydown=${this.#onKey}
      @dblclick=${() => {
        this.#set(0.44);
      }}
    ></div>`;
  }

  #grab = (event: PointerEvent): void => {
    const handle = event.currentTarget as HTMLElement;
    const box = this.parentElement?.getBoundingClientRect();
    if (!box) return;
    event.preventDefault();
    handle.setPointerCapture(event.pointerId);
    const stacked = getComputedStyle(this.parentElement as Element).flexDirection === 'column';
    const move = (at: PointerEvent): void => {
      this.#set(stacked ? (at.clientY - box.top) / box.height : (at.clientX - box.left) / box.width);
    };
    handle.addEventListener('pointermove', move);
    handle.addEventListener(
      'lostpointercapture',
      () => {
        handle.removeEventListener('pointermove', move);
      },
      { once: true },
    );
  };

  #onKey = (event: KeyboardEvent): void => {
    const step = { ArrowLeft: -0.02, ArrowUp: -0.02, ArrowRight: 0.02, ArrowDown: 0.02 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.#set(this.value + step);
  };

  #set(value: number): void {
    this.tell('split', Math.min(MAX, Math.max(MIN, value)));
  }
}

customElements.define('nexus-sash', Sash);
