import { html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import { LightElement } from '../../shared/element.ts';
import { icon } from '../../shared/icon.ts';

/** A row that opens: its content is made when it is opened first, so that folded history costs nothing. */
export class Disclosure extends LightElement {
  static override properties: PropertyDeclarations = {
    summary: { attribute: false },
    content: { attribute: false },
    startOpen: { attribute: false },
    label: { attribute: false },
    _open: { state: true },
  };

  declare summary: TemplateResult | string;
  declare content: () => TemplateResult | typeof nothing;
  declare startOpen: boolean;
  /** What the button says to a screen reader; the text of the summary when empty. */
  declare label: string;
  declare _open: boolean | null;

  constructor() {
    super();
    this.startOpen = false;
    this.label = '';
    this._open = null;
  }

  override render(): TemplateResult {
    const open = this._open ?? this.startOpen;
    return html`<button
        type="button"
        class="disclosure"
        aria-expanded=${String(open)}
        aria-label=${this.label || nothing}
        @click=${() => {
          this._open = !open;
        }}
      >
        ${icon(open ? 'chevron-down' : 'chevron-right')}${this.summary}
      </button>
      ${open ? html`<div class="disclosed">${this.content()}</div>` : nothing}`;
  }
}

customElements.define('nexus-disclosure', Disclosure);

/** A disclosure as a template. */
export function disclosure(options: {
  summary: TemplateResult | string;
  content: () => TemplateResult | typeof nothing;
  open?: boolean;
  className?: string;
  label?: string;
}): TemplateResult {
  return html`<nexus-disclosure
    class=${options.className ?? ''}
    .summary=${options.summary}
    .content=${options.content}
    .startOpen=${options.open ?? false}
    .label=${options.label ?? ''}
  ></nexus-disclosure>`;
}
