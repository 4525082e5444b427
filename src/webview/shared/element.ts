import { LitElement } from 'lit';

/**
 * Base of all components. They render into the light DOM: one style sheet, one tree for `aria-activedescendant`,
 * codicons without copying a font into every shadow root, and VS Code's find widget sees the text.
 */
export class LightElement extends LitElement {
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  /** Dispatches a bubbling event with `detail`. */
  protected tell(type: string, detail?: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }
}
