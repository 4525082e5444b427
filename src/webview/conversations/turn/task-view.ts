import { html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import { LightElement } from '../../shared/element.ts';
import { icon } from '../../shared/icon.ts';
import { formatDuration, formatTokens, plural } from '../../../wording/numbers.ts';
import { showInvisible } from '../../shared/visible-text.ts';
import type { TaskItem } from '../tree/layout.ts';
import { trouble, turnLabel } from '../tree/turns.ts';
import { longText } from './long-text.ts';

const STATE_WORDS = { running: 'running', done: 'done', failed: 'failed' } as const;

/** A sub-task as a whole: what it was asked, how it went, its turns. */
export class TaskView extends LightElement {
  static override properties: PropertyDeclarations = {
    item: { attribute: false },
    open: { attribute: false },
  };
  declare item: TaskItem;
  declare open: (requestId: string) => void;

  override render(): TemplateResult {
    const { item } = this;
    const { invocation, turns, branch } = item;
    const facts = [
      ...(invocation ? [STATE_WORDS[invocation.state]] : []),
      ...(invocation?.agentType ? [invocation.agentType] : []),
      plural(turns.length, 'turn'),
      ...(branch.row ? [formatTokens(branch.row.totalTokens), formatDuration(branch.row.durationMs)] : []),
    ];
    return html`<div class="turn">
      <header class="turn-header task-header">
        <p class="summary-line strong"><span>${item.label.replace(/^s/, 'S')}</span></p>
        <p class="summary-line">${facts.map((fact) => html`<span>${fact}</span>`)}</p>
      </header>
      <div class="turn-scroll" tabindex="0" role="region" aria-label=${item.label}>
        <div class="turn-body">
          ${
            invocation
              ? html`<section class="message">
                  <h3 class="message-heading"><span>Prompt</span></h3>
                  ${longText(invocation.prompt, 'markdown')}
                </section>`
              : nothing
          }
          <section class="message">
            <h3 class="message-heading"><span>Turns</span></h3>
            ${
              turns.length === 0
                ? html`<p class="dim">No request of this sub-task has been seen yet.</p>`
                : turns.map(
                    (turn) =>
                      html`<button
                        type="button"
                        class="task-turn"
                        @click=${() => {
                          this.open(turn.key);
                        }}
                      >
                        <span class="num dim">${turn.number}</span
                        ><span class="ellipsis">${showInvisible(turnLabel(turn.request).text)}</span>
                        ${trouble(turn.request) === null ? nothing : html`<span class="state-error">${trouble(turn.request)}</span>`}
                        <span class="grow"></span>${icon('chevron-right', undefined, 'small dim')}
                      </button>`,
                  )
            }
          </section>
        </div>
      </div>
    </div>`;
  }
}

customElements.define('nexus-task', TaskView);
