import { html, nothing, type TemplateResult } from 'lit';
import type { ConversationRow } from '../../protocol/rows.ts';
import { icon } from '../shared/icon.ts';
import { formatCost, formatCount, formatExact, plural } from '../../wording/numbers.ts';
import { formatAbsolute, formatAge, formatAgo } from '../../wording/times.ts';
import { showInvisible } from '../shared/visible-text.ts';
import { shortModel } from '../../wording/models.ts';

const STATE_WORDS = {
  running: 'Running',
  completed: 'Done',
  failed: 'The last request failed',
  aborted: 'The client went away',
  interrupted: 'The sidecar stopped in the middle',
} as const;

function stateIcon(row: ConversationRow): TemplateResult {
  const word = STATE_WORDS[row.state];
  if (row.state === 'running') {
    return html`<span class="live-dot" role="img" aria-label=${word} title=${word}></span>`;
  }
  const [name, tone] =
    row.state === 'failed'
      ? ['error', 'state-error']
      : row.state === 'completed'
        ? ['circle-small', 'dim']
        : ['circle-slash', 'state-warning'];
  return html`<span class="list-state" title=${word}>${icon(name, word, tone)}</span>`;
}

function shapes(row: ConversationRow): TemplateResult {
  const branches = row.branchCount - row.subtaskBranchCount - row.compactBranchCount;
  const shape = (name: string, count: number, title: string): TemplateResult =>
    html`<span class="shape" title=${title}
      >${icon(name, undefined, 'small')}<span aria-label=${title}>${count}</span></span
    >`;
  return html`<span class="shapes">
    ${branches > 1 ? shape('git-branch', branches, plural(branches, 'branch', 'branches')) : nothing}
    ${row.subtaskBranchCount > 0 ? shape('type-hierarchy-sub', row.subtaskBranchCount, plural(row.subtaskBranchCount, 'sub-task')) : nothing}
    ${row.compactBranchCount > 0 ? shape('fold', row.compactBranchCount, plural(row.compactBranchCount, 'compaction')) : nothing}
    ${
      row.errorCount > 0
        ? html`<span class="shape state-error" title=${plural(row.errorCount, 'error')}
            >${icon('warning', undefined, 'small')}<span aria-label=${plural(row.errorCount, 'error')}
              >${row.errorCount}</span
            ></span
          >`
        : nothing
    }
  </span>`;
}

/** The names of the columns. */
export function listHeadings(): TemplateResult {
  return html`<div class="list-row list-headings" aria-hidden="true">
    <span></span><span>Title</span><span></span><span>Project</span><span>Model</span>
    <span class="right">Tokens</span><span class="right">Context</span><span class="right">Requests</span>
    <span class="right">Cost</span><span class="right">Last</span>
  </div>`;
}

/** One conversation. */
export function listRow(
  row: ConversationRow,
  now: number,
  active: boolean,
  open: (id: string) => void,
): TemplateResult {
  const last = Date.parse(row.lastMessageTime);
  const title = showInvisible(row.title) || 'Untitled conversation';
  const model = row.latestModel ?? row.modelsUsed[0];
  return html`<div
    role="option"
    id="conversation-${row.conversationId}"
    class="list-row ${active ? 'active' : ''}"
    aria-selected=${String(active)}
    data-conversation=${row.conversationId}
    @click=${() => {
      open(row.conversationId);
    }}
  >
    ${stateIcon(row)}
    <span class="list-title ellipsis" title=${title}
      >${row.pinned ? icon('pinned', 'Pinned', 'small') : nothing}${title}</span
    >
    ${shapes(row)}
    <span class="list-project ellipsis dim" title=${row.project ?? 'No project'}>${row.project ?? ''}</span>
    <span class="list-model ellipsis dim" title=${row.modelsUsed.join(', ')}
      >${model ? shortModel(model) : ''}</span
    >
    <span class="right num" title="${formatExact(row.totalTokens)} tokens in and out"
      >${formatCount(row.totalTokens)}</span
    >
    <span
      class="right num dim list-context"
      title="${formatExact(row.latestContextTokens)} tokens of context in the last request"
      >${formatCount(row.latestContextTokens)}</span
    >
    <span class="right num dim list-requests" title=${plural(row.requestCount, 'request')}
      >${formatCount(row.requestCount)}</span
    >
    <span class="right num dim list-cost" title=${row.cost === null ? 'Unpriced' : 'Cost at list prices'}
      >${row.cost === null ? '–' : formatCost(row.cost)}</span
    >
    <span class="right num dim list-age" title="${formatAbsolute(last)} (${formatAgo(last, now)})"
      >${formatAge(last, now)}</span
    >
  </div>`;
}

/** Bars in the shape of rows, while the first page loads. */
export function listSkeleton(): TemplateResult {
  const widths = [46, 62, 38, 54, 70, 42, 58, 34];
  return html`<div class="list-skeleton" role="status" aria-label="Loading conversations">
    ${listHeadings()}
    ${widths.map(
      (width) =>
        html`<div class="list-row">
          <span></span><span class="skeleton w-${width}"></span><span></span><span class="skeleton"></span
          ><span class="skeleton"></span> <span class="skeleton"></span><span class="skeleton"></span
          ><span class="skeleton"></span><span class="skeleton"></span>
          <span class="skeleton"></span>
        </div>`,
    )}
  </div>`;
}
