import { html, nothing, type TemplateResult } from 'lit';
import type { RequestRow } from '../../protocol/rows.ts';
import { shortModel } from '../../wording/models.ts';
import { formatCost, formatCount, formatDuration, formatExact } from '../../wording/numbers.ts';
import { formatAbsolute, formatClock, formatDay } from '../../wording/times.ts';
import { icon } from '../shared/icon.ts';
import { setStyle } from '../shared/set-style.ts';
import { showInvisible } from '../shared/visible-text.ts';

/** What a request was for, in a word. */
const TYPE_WORDS: Record<RequestRow['requestType'], string> = {
  inference: 'turn',
  query_evaluation: 'title or check',
  quota: 'quota check',
  count_tokens: 'token count',
  other: 'other',
};

const STATES = {
  running: ['circle-filled', 'state-running', 'Running'],
  completed: ['circle-small', 'dim', 'Done'],
  failed: ['error', 'state-error', 'Failed'],
  aborted: ['circle-slash', 'state-warning', 'The client went away'],
  interrupted: ['circle-slash', 'state-warning', 'The sidecar stopped in the middle'],
} as const;

/** The names of the columns. */
export function requestHeadings(): TemplateResult {
  return html`<div class="request-row request-headings" role="row">
    ${COLUMNS.map(
      ([name, label]) =>
        html`<span class="${name}" role="columnheader" title=${TITLES[name] ?? nothing}>${label}</span>`,
    )}
  </div>`;
}

const COLUMNS: [string, string][] = [
  ['request-state', ''],
  ['request-time', 'Time'],
  ['request-preview', 'Request'],
  ['request-type', 'Type'],
  ['request-model', 'Model'],
  ['request-status right', 'Status'],
  ['request-in right', 'In'],
  ['request-out right', 'Out'],
  ['request-cost right', 'Cost'],
  ['request-first right', 'First'],
  ['request-duration right', 'Took'],
];
const TITLES: Record<string, string> = {
  'request-in right': 'Tokens in, cached ones included',
  'request-out right': 'Tokens out',
  'request-first right': 'Time to the first token',
  'request-duration right': 'From the request to the last byte',
};

/** One exchange. `top`: where it lies in the list, in pixels. */
export function requestRow(options: {
  row: RequestRow;
  /** Counted from 1, over all that are loaded. */
  position: number;
  top: number;
  now: number;
  active: boolean;
  chosen: boolean;
  onClick: (event: MouseEvent) => void;
  onOpen: () => void;
}): TemplateResult {
  const { row, active, chosen } = options;
  const at = Date.parse(row.timestamp);
  const [name, tone, word] = STATES[row.state];
  const text = showInvisible(row.preview || row.answerPreview) || row.path;
  const failed = row.error === null ? '' : ` · ${showInvisible(row.error)}`;
  const status = row.responseStatus === null ? '–' : String(row.responseStatus);
  const spent = row.inputTokens + row.outputTokens + row.contextTokens > 0;
  const count = (value: number, title: string, where: string): TemplateResult =>
    html`<span class="${where} right num" role="gridcell" title="${formatExact(value)} ${title}"
      >${spent ? formatCount(value) : '–'}</span
    >`;
  return html`<div
    role="row"
    id="request-${row.requestId}"
    class="request-row ${active ? 'active' : ''} ${chosen ? 'chosen' : ''}"
    aria-selected=${String(chosen)}
    aria-rowindex=${options.position + 1}
    data-request=${row.requestId}
    ${setStyle({ transform: `translateY(${options.top}px)` })}
    @click=${options.onClick}
    @dblclick=${options.onOpen}
  >
    <span class="request-state" role="gridcell" title=${word}
      >${chosen ? icon('check', 'Selected') : icon(name, word, tone)}</span
    >
    <span class="request-time num dim" role="gridcell" title=${formatAbsolute(at)}
      >${formatDay(at, options.now) === 'Today' ? '' : html`<span class="request-day">${formatDay(at, options.now)}</span> `}${formatClock(at)}</span
    >
    <span class="request-preview ellipsis" role="gridcell" title="${text}${failed}"
      >${text}${failed === '' ? nothing : html`<span class="state-error">${failed}</span>`}</span
    >
    <span class="request-type ellipsis dim" role="gridcell" title=${row.path}
      >${row.isSubtask ? 'sub-task' : TYPE_WORDS[row.requestType]}</span
    >
    <span class="request-model ellipsis dim" role="gridcell" title=${row.model ?? 'No model'}
      >${row.model === null ? '' : shortModel(row.model)}</span
    >
    <span class="request-status right num ${row.state === 'failed' ? 'state-error' : 'dim'}" role="gridcell"
      >${status}</span
    >
    ${count(row.contextTokens, 'tokens in, cached ones included', 'request-in')}
    ${count(row.outputTokens, 'tokens out', 'request-out dim')}
    <span
      class="request-cost right num dim"
      role="gridcell"
      title=${row.cost === null ? 'Unpriced' : 'Cost at list prices'}
      >${row.cost === null ? '–' : formatCost(row.cost)}</span
    >
    <span class="request-first right num dim" role="gridcell"
      >${row.firstTokenMs === null ? '–' : formatDuration(row.firstTokenMs)}</span
    >
    <span class="request-duration right num dim" role="gridcell"
      >${row.durationMs === null ? '–' : formatDuration(row.durationMs)}</span
    >
  </div>`;
}

/** Bars in the shape of rows, while the first page loads. */
export function requestSkeleton(): TemplateResult {
  return html`<div class="request-skeleton" role="status" aria-label="Loading requests">
    ${[46, 62, 38, 54, 70, 42, 58, 34].map(
      (width) =>
        html`<div class="request-row">
          <span></span><span class="skeleton"></span><span class="skeleton w-${width}"></span>
          ${Array.from({ length: 8 }, () => html`<span class="skeleton"></span>`)}
        </div>`,
    )}
  </div>`;
}
