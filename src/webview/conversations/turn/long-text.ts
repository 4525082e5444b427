import { html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import { unsafeHTML } from 'lit/directives/unsafe-html.js';
import { LightElement } from '../../shared/element.ts';
import { highlightCode } from '../../shared/highlight.ts';
import { renderMarkdown } from '../../shared/markdown.ts';
import { formatCount } from '../../../wording/numbers.ts';
import { plainTerminal, showInvisible } from '../../shared/visible-text.ts';
import { foldMarkdown, foldText, OPEN_CHARACTERS } from './folding.ts';

/** How a text is drawn. `terminal` shows control sequences, `code` colours by `language`. */
export type TextMode = 'markdown' | 'terminal' | 'code' | 'plain';

/** A text that folds at twelve lines, prose at twenty-four. */
export class LongText extends LightElement {
  static override properties: PropertyDeclarations = {
    text: { attribute: false },
    mode: { attribute: false },
    language: { attribute: false },
    _open: { state: true },
  };

  declare text: string;
  declare mode: TextMode;
  declare language: string;
  declare _open: boolean;

  constructor() {
    super();
    this.text = '';
    this.mode = 'plain';
    this.language = '';
    this._open = false;
  }

  override updated(): void {
    if (this.mode !== 'markdown' || !this.querySelector('.mermaid-source')) return;
    import('../../shared/diagrams.ts').then(
      ({ drawDiagrams }) => drawDiagrams(this),
      (error: unknown) => {
        console.warn('The diagram library could not be loaded; the source stays.', error);
      },
    );
  }

  override render(): TemplateResult {
    const fold = this.mode === 'markdown' ? foldMarkdown(this.text) : foldText(this.text);
    const cut = this.text.length > OPEN_CHARACTERS;
    const shown = this._open ? this.text.slice(0, OPEN_CHARACTERS) : fold.shown;
    const more = `Show more (${formatCount(fold.hidden)} ${fold.hidden === 1 ? 'line' : 'lines'})`;
    return html`${this.#draw(shown)}
    ${this._open && cut ? html`<p class="dim">The rest is in the JSON document.</p>` : nothing}
    ${
      fold.hidden === 0
        ? nothing
        : html`<button
            type="button"
            class="link fold-button"
            aria-expanded=${String(this._open)}
            @click=${() => {
              this._open = !this._open;
            }}
          >
            ${this._open ? 'Show less' : more}
          </button>`
    }`;
  }

  #draw(text: string): TemplateResult {
    if (this.mode === 'markdown') return html`<div class="markdown">${renderMarkdown(text)}</div>`;
    if (this.mode === 'code') {
      // highlightCode escapes everything it does not mark itself.
      return html`<pre
        class="code"
      ><code class="block">${unsafeHTML(highlightCode(showInvisible(text), this.language))}</code></pre>`;
    }
    const plain = this.mode === 'terminal' ? plainTerminal(text) : showInvisible(text);
    return html`<pre class="code ${this.mode}">${plain}</pre>`;
  }
}

customElements.define('nexus-text', LongText);

/** A long text as a template. */
export function longText(text: string, mode: TextMode, language = ''): TemplateResult {
  return html`<nexus-text .text=${text} .mode=${mode} .language=${language}></nexus-text>`;
}
