import { html, nothing, type TemplateResult } from 'lit';
import type { JsonPart } from '../../../protocol/bridge.ts';
import type { RequestRow } from '../../../protocol/rows.ts';
import { icon } from '../../shared/icon.ts';
import {
  formatCost,
  formatCount,
  formatDuration,
  formatExact,
  formatShare,
} from '../../../wording/numbers.ts';
import { formatAbsolute, formatClock } from '../../../wording/times.ts';
import { showInvisible } from '../../shared/visible-text.ts';
import { shortModel } from '../../../wording/models.ts';
import type { TurnTab } from '../panel-state.ts';
import { trouble, type Turn } from '../tree/turns.ts';

const TABS: [TurnTab, string][] = [
  ['conversation', 'Conversation'],
  ['system', 'System'],
  ['tools', 'Tools'],
  ['headers', 'Headers'],
  ['stream', 'Stream'],
  ['json', 'JSON'],
];

interface SummaryOptions {
  turn: Turn;
  request: RequestRow;
  window: number;
  tab: TurnTab;
  toolCount: number | null;
  openAttempt: (requestId: string) => void;
  openJson: (part: JsonPart) => void;
  chooseTab: (tab: TurnTab) => void;
}

const STATE_WORDS = {
  running: 'running',
  completed: '',
  failed: 'failed',
  aborted: 'The client went away before the answer was complete.',
  interrupted: 'The sidecar stopped before the answer was complete.',
} as const;

function timing(request: RequestRow): TemplateResult {
  const at = Date.parse(request.timestamp);
  return html`<span title=${formatAbsolute(at)}>${formatClock(at)}</span> ${
      request.durationMs === null
        ? request.state === 'running'
          ? html`<span class="state-running">running</span>`
          : nothing
        : html`<span title="From request to last byte">${formatDuration(request.durationMs)}</span>`
    }
    ${request.firstTokenMs === null ? nothing : html`<span>first token ${formatDuration(request.firstTokenMs)}</span>`}
    ${request.model === null ? nothing : html`<span title=${request.model}>${shortModel(request.model)}</span>`}`;
}

function usage(request: RequestRow, window: number): TemplateResult | typeof nothing {
  if (request.totalTokens + request.contextTokens === 0) return nothing;
  const count = (label: string, value: number, title: string): TemplateResult =>
    html`<span title="${formatExact(value)} ${title}">${label} ${formatCount(value)}</span>`;
  return html`<p class="summary-line">
    ${count('in', request.inputTokens, 'input tokens, not cached')}
    ${count('cached', request.cacheReadInputTokens, 'tokens read from the cache')}
    ${request.cacheCreationInputTokens > 0 ? count('cache write', request.cacheCreationInputTokens, 'tokens written to the cache') : nothing}
    ${count('out', request.outputTokens, 'output tokens')}
    ${request.cost === null ? nothing : html`<span title="Cost at list prices">${formatCost(request.cost)}</span>`}
    <span title="${formatExact(request.contextTokens)} of ${formatCount(window)} tokens"
      >context ${formatShare(request.contextTokens / window)} full</span
    >
  </p>`;
}

/** All tries of a turn, when there was more than one. */
function attempts({ turn, request, openAttempt }: SummaryOptions): TemplateResult | typeof nothing {
  if (turn.attempts.length < 2) return nothing;
  return html`<div class="attempts" role="group" aria-label="Tries">
    <span class="dim">Tries</span>
    ${turn.attempts.map(
      (each, index) =>
        html`<button
          type="button"
          class="chip"
          aria-pressed=${String(each.requestId === request.requestId)}
          @click=${() => {
            openAttempt(each.requestId);
          }}
        >
          ${index + 1} · ${trouble(each) ?? (each.state === 'running' ? 'running' : 'done')}
        </button>`,
    )}
  </div>`;
}

function jsonLink(label: string, part: JsonPart, options: SummaryOptions): TemplateResult {
  const title = `Open ${part} JSON`;
  return html`<button
    type="button"
    class="summary-link open-${part}"
    title=${title}
    aria-label=${title}
    @click=${() => {
      options.openJson(part);
    }}
  >
    ${icon('json', undefined, 'small')}${label}
  </button>`;
}

function moveTab(event: KeyboardEvent, options: SummaryOptions): void {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const index = TABS.findIndex(([name]) => name === options.tab);
  const next = TABS[(index + step + TABS.length) % TABS.length];
  if (!next) return;
  options.chooseTab(next[0]);
  const list = event.currentTarget as HTMLElement;
  list.querySelector<HTMLElement>(`#turn-tab-${next[0]}`)?.focus();
}

/** Head of a turn: when, how long, how much, what went wrong; then the tabs. */
export function turnSummary(options: SummaryOptions): TemplateResult {
  const { turn, request, tab } = options;
  const wrong = STATE_WORDS[request.state];
  return html`<header class="turn-header">
    <div class="summary-top">
      <p class="summary-line strong">
        <span title="Turn ${turn.number} of its branch">${turn.number}</span>
        ${timing(request)}
      </p>
      <span class="grow"></span>
      <button
        type="button"
        class="summary-link"
        title="Why this turn hangs where it hangs, and what else was considered"
        @click=${() => {
          options.chooseTab('headers');
        }}
      >
        ${icon('type-hierarchy', undefined, 'small')}Why here
      </button>
      ${jsonLink('Request', 'request', options)} ${jsonLink('Response', 'response', options)}
    </div>
    ${usage(request, options.window)} ${attempts(options)}
    ${
      request.state === 'failed' || request.error !== null
        ? html`<p class="turn-error" role="alert">
            ${icon('error')}<span
              ><strong>${request.responseStatus ?? 'Failed'}</strong>
              ${showInvisible(request.error ?? '')}</span
            >
          </p>`
        : wrong !== '' && request.state !== 'running'
          ? html`<p class="turn-error cut">${icon('circle-slash')}<span>${wrong}</span></p>`
          : nothing
    }
    <div
      class="tabs"
      role="tablist"
      aria-label="Parts of the request"
      @keydown=${(event: KeyboardEvent) => {
        moveTab(event, options);
      }}
    >
      ${TABS.map(
        ([name, label]) =>
          html`<button
            type="button"
            role="tab"
            id="turn-tab-${name}"
            class="tab"
            aria-selected=${String(tab === name)}
            aria-controls="turn-panel"
            tabindex=${tab === name ? 0 : -1}
            @click=${() => {
              options.chooseTab(name);
            }}
          >
            ${label}${name === 'tools' && options.toolCount ? html` <span class="tab-count num">${options.toolCount}</span>` : nothing}
          </button>`,
      )}
    </div>
  </header>`;
}
