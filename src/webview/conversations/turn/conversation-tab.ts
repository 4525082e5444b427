import { html, nothing, type TemplateResult } from 'lit';
import type { RequestRow } from '../../../protocol/rows.ts';
import { icon } from '../../shared/icon.ts';
import { plural } from '../../../wording/numbers.ts';
import { longText } from './long-text.ts';
import { partView } from './message-view.ts';
import type { CardContext } from './tool-card.ts';
import { readEarlier, type TurnContent } from './turn-content.ts';

/** Earlier messages come in steps of this size: an old history has thousands. */
const STEP = 20;

/** What is new in the turn and what came back; the history before it on demand. */
export function conversationTab(options: {
  content: TurnContent;
  request: RequestRow;
  requestBody: unknown;
  responseBody: unknown;
  earlier: number;
  tasks: ReadonlySet<string>;
  openTask: (toolUseId: string) => void;
  showEarlier: (count: number) => void;
}): TemplateResult {
  const { content, request, earlier } = options;
  const context: CardContext = { openTask: options.openTask, tasks: options.tasks, startOpen: false };
  const hidden = content.earlier.length - earlier;
  const hasMessages = content.earlier.length + content.fresh.length > 0;
  return html`${
    hidden > 0
      ? html`<button
          type="button"
          class="link earlier"
          @click=${() => {
            options.showEarlier(Math.min(content.earlier.length, earlier + STEP));
          }}
        >
          ${icon('fold-up')}Show ${earlier === 0 ? '' : 'more of '}${plural(hidden, 'earlier message')}
        </button>`
      : nothing
  }
  ${earlier > 0 ? html`<div class="earlier-messages">${readEarlier(content, earlier).map((part) => partView(part, context))}</div>` : nothing}
  ${earlier > 0 ? html`<p class="new-here" role="separator"><span>New in this turn</span></p>` : nothing}
  ${content.fresh.map((part) => partView(part, context))}
  ${hasMessages ? nothing : odd('Request', options.requestBody)}
  ${
    content.reply
      ? partView(content.reply, { ...context, startOpen: true })
      : request.state === 'running'
        ? html`<p class="waiting" role="status">
            ${icon('loading', undefined, 'spinning')}Claude is answering…
          </p>`
        : content.error
          ? html`<section class="message error" aria-label="Error">
              <h3 class="message-heading"><span>Error</span></h3>
              <p class="state-error"><code>${content.error.type}</code> ${content.error.message}</p>
            </section>`
          : odd('Response', options.responseBody)
  }`;
}

/** A body that is no conversation: shown as what it is. */
function odd(heading: string, body: unknown): TemplateResult | typeof nothing {
  if (body === null || body === undefined || body === '') return nothing;
  const text = typeof body === 'string' ? body : JSON.stringify(body, null, 2);
  return html`<section class="message">
    <h3 class="message-heading"><span>${heading}</span></h3>
    ${longText(text, typeof body === 'string' ? 'plain' : 'code', 'json')}
  </section>`;
}
