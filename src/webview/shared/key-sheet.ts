import { html, type TemplateResult } from 'lit';
import { iconButton } from './icon.ts';

/** The keys of a view, each with what it does. */
export type KeyList = readonly (readonly [keys: readonly string[], what: string])[];

/** The overlay that lists the keys of a view. */
export function keySheet(keys: KeyList, close: () => void): TemplateResult {
  return html`<div
    class="overlay"
    role="dialog"
    aria-modal="true"
    aria-label="Keyboard shortcuts"
    @click=${(event: Event) => {
      if (event.target === event.currentTarget) close();
    }}
  >
    <div class="sheet">
      <h2>Keyboard shortcuts ${iconButton({ name: 'close', title: 'Close (Esc)', onClick: close })}</h2>
      <dl>
        ${keys.map(
          ([names, what]) =>
            html`<dt>${names.map((name) => html`<kbd>${name}</kbd> `)}</dt>
              <dd>${what}</dd>`,
        )}
      </dl>
    </div>
  </div>`;
}
