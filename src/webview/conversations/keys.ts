import { html, type TemplateResult } from 'lit';
import { iconButton } from '../shared/icon.ts';

const LIST_KEYS: [string[], string][] = [
  [['↑', '↓'], 'Move (also j, k)'],
  [['Enter'], 'Open conversation or turn'],
  [['/'], 'Search titles and messages'],
  [['f'], 'Show filters'],
  [['r'], 'Refresh'],
  [['Esc'], 'Clear search, close'],
  [['?'], 'This list'],
];

const CONVERSATION_KEYS: [string[], string][] = [
  [['↑', '↓'], 'Move between turns (also j, k)'],
  [['Home', 'End'], 'First or last turn'],
  [['←', '→'], 'Close or open a sub-task'],
  [['Enter'], 'Go to the turn’s details'],
  [['+', '−', '0'], 'Zoom in, out, reset'],
  [['/'], 'Search in conversation'],
  [['f'], 'Next branch'],
  [['r'], 'Refresh'],
  [['Esc'], 'Clear search, back to the list'],
  [['?'], 'This list'],
];

/** The overlay that lists the keys of the view. */
export function keyHelp(inConversation: boolean, close: () => void): TemplateResult {
  const keys = inConversation ? CONVERSATION_KEYS : LIST_KEYS;
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
