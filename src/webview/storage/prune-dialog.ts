import { html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import type { PruneReport } from '../../protocol/storage.ts';
import type { Api } from '../shared/api.ts';
import { button, textField } from '../shared/controls.ts';
import { LightElement } from '../shared/element.ts';
import { pruneOf, removedText } from './words.ts';

/**
 * Deletes old conversations in two steps: what to delete, then how much that is, with the question. Tells `pruned`
 * with the report, and `closed`.
 */
export class NexusPruneDialog extends LightElement {
  static override properties: PropertyDeclarations = {
    api: { attribute: false },
    _days: { state: true },
    _megabytes: { state: true },
    _found: { state: true },
    _busy: { state: true },
    _error: { state: true },
  };

  declare api: Api;
  declare _days: string;
  declare _megabytes: string;
  /** What would go, once it has been counted. */
  declare _found: PruneReport | null;
  declare _busy: boolean;
  declare _error: string | null;
  #work = new AbortController();

  constructor() {
    super();
    this._days = '90';
    this._megabytes = '';
    this._found = null;
    this._busy = false;
    this._error = null;
  }

  override firstUpdated(): void {
    this.querySelector('dialog')?.showModal();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#work.abort();
  }

  override updated(changed: Map<PropertyKey, unknown>): void {
    // The button that was pressed has gone with its step.
    if (changed.has('_found')) this.querySelector<HTMLElement>('[autofocus]')?.focus();
  }

  override render(): TemplateResult {
    return html`<dialog
      class="sheet"
      aria-labelledby="prune-title"
      @close=${() => {
        this.tell('closed');
      }}
    >
      <h2 id="prune-title">Delete old conversations</h2>
      ${this._found === null ? this.#choose() : this.#confirm(this._found)}
      <p class="sheet-error" role="alert">${this._error ?? nothing}</p>
      <div class="sheet-actions">
        ${this._found === null ? this.#chooseActions() : this.#confirmActions(this._found)}
      </div>
    </dialog>`;
  }

  #choose(): TemplateResult {
    return html`<p class="dim">Pinned conversations stay. Leave a field empty for no limit.</p>
      <div class="sheet-fields">
        ${textField({
          label: 'Untouched for (days)',
          value: this._days,
          autofocus: true,
          onInput: (value) => {
            this._days = value;
          },
          onEnter: () => void this.#count(),
        })}
        ${textField({
          label: 'Keep at most (MB)',
          value: this._megabytes,
          onInput: (value) => {
            this._megabytes = value;
          },
          onEnter: () => void this.#count(),
        })}
      </div>`;
  }

  #chooseActions(): TemplateResult {
    const label = this._busy ? 'Counting…' : 'Show what would go';
    return html`${button({ label: 'Cancel', onClick: this.#close })}
    ${button({ label, primary: true, disabled: this._busy, onClick: () => void this.#count() })}`;
  }

  #confirm(found: PruneReport): TemplateResult {
    if (found.removed.exchanges === 0) {
      return html`<p>There is nothing that old: nothing would be deleted.</p>`;
    }
    return html`<p>${removedText(found)}, would be deleted for good. This cannot be undone.</p>`;
  }

  #confirmActions(found: PruneReport): TemplateResult {
    const back = button({ label: 'Back', autofocus: true, disabled: this._busy, onClick: this.#back });
    if (found.removed.exchanges === 0) {
      return html`${button({ label: 'Close', onClick: this.#close })}${back}`;
    }
    const label = this._busy ? 'Deleting…' : 'Delete';
    return html`${back}
    ${button({ label, primary: true, disabled: this._busy, onClick: () => void this.#delete() })}`;
  }

  #close = (): void => {
    this.querySelector('dialog')?.close();
  };

  #back = (): void => {
    this._found = null;
    this._error = null;
  };

  async #count(): Promise<void> {
    const report = await this.#prune(true);
    if (report !== null) this._found = report;
  }

  async #delete(): Promise<void> {
    const report = await this.#prune(false);
    if (report === null) return;
    this.tell('pruned', report);
    this.#close();
  }

  async #prune(dryRun: boolean): Promise<PruneReport | null> {
    const asked = pruneOf(this._days, this._megabytes);
    if (asked === null) {
      this._error = 'Enter a number above 0 in one of the fields.';
      return null;
    }
    if (this._busy) return null;
    this._busy = true;
    this._error = null;
    try {
      return await this.api.prune({ ...asked, dryRun }, this.#work.signal);
    } catch (error) {
      if (!this.#work.signal.aborted) this._error = error instanceof Error ? error.message : String(error);
      return null;
    } finally {
      this._busy = false;
    }
  }
}

customElements.define('nexus-prune-dialog', NexusPruneDialog);
