import { html, nothing, type TemplateResult } from 'lit';
import { setStyle } from '../../shared/set-style.ts';
import type { DirectiveResult } from 'lit/directive.js';
import { icon } from '../../shared/icon.ts';
import { formatCount, formatDuration, formatExact, formatShare } from '../../../wording/numbers.ts';
import { formatClock } from '../../../wording/times.ts';
import { showInvisible } from '../../shared/visible-text.ts';
import { METRICS, type JointItem, type TaskItem, type TreeItem, type TurnItem } from './layout.ts';
import { turnLabel, trouble } from './turns.ts';

interface RowOptions {
  selected: boolean;
  window: number;
  choose: () => void;
}

/** Id of an item's element, for `aria-activedescendant`. */
export function itemId(item: TreeItem): string {
  return `item-${item.key.replaceAll(/[^\w-]/g, '-')}`;
}

function placed(item: TreeItem): DirectiveResult {
  return setStyle({ top: `${item.y}px`, height: `${item.height}px`, 'padding-left': `${item.labelX}px` });
}

/** How full the context is: bar and number, coloured only when it gets tight. */
function fill(tokens: number, window: number): TemplateResult | typeof nothing {
  if (tokens <= 0) return html`<span class="fill"></span>`;
  const share = tokens / window;
  const tone = share >= 0.95 ? 'full' : share >= 0.8 ? 'tight' : '';
  return html`<span
    class="fill ${tone}"
    title="${formatExact(tokens)} of ${formatCount(window)} tokens of context"
  >
    <span class="fill-bar"
      ><span ${setStyle({ width: `${Math.min(100, share * 100).toFixed(1)}%` })}></span
    ></span>
    <span class="fill-number num">${formatShare(share)}</span>
  </span>`;
}

/** One turn. */
export function turnRow(item: TurnItem, options: RowOptions): TemplateResult {
  const { turn, branch } = item;
  const { request } = turn;
  const label = turnLabel(request);
  const preview = showInvisible(label.text);
  const wrong = trouble(request);
  const nested = item.level > 1;
  const tries = turn.attempts.length;
  const words = [
    `Turn ${turn.number}`,
    branch.label,
    preview,
    ...(wrong === null ? [] : [wrong]),
    ...(request.state === 'running' ? ['running'] : []),
    ...(tries > 1 ? [`${tries} tries`] : []),
    ...(item.forks ? ['branch point'] : []),
    ...(request.contextTokens > 0
      ? [`context ${formatShare(request.contextTokens / options.window)} full`]
      : []),
  ];
  return html`<div
    id=${itemId(item)}
    role="treeitem"
    class="tree-row turn-row ${options.selected ? 'selected' : ''} ${nested ? 'nested' : ''} state-of-${request.state}"
    aria-level=${item.level}
    aria-selected=${String(options.selected)}
    aria-label=${words.join(', ')}
    data-request=${request.requestId}
    data-branch=${turn.branchId}
    ${placed(item)}
    @click=${options.choose}
  >
    ${nested ? nothing : html`<span class="turn-number num">${turn.number}</span>`}
    ${
      item.opens && branch.kind === 'branch'
        ? html`<span class="branch-tag colour-${branch.colour}" title="${branch.branchId} (UTC)"
            >${icon('git-branch', undefined, 'tiny')}${branch.label.replace(/^branch /, '')}</span
          >`
        : nothing
    }
    <span
      class="turn-label ellipsis ${label.asked ? '' : 'tools'}"
      title="${preview} · ${formatClock(Date.parse(request.timestamp))}${request.durationMs === null ? '' : ` · ${formatDuration(request.durationMs)}`}"
      >${preview}</span
    >
    ${tries > 1 ? html`<span class="tries num" title="Tried ${tries} times">×${tries}</span>` : nothing}
    ${
      wrong === null
        ? nothing
        : html`<span class="wrong ${request.state}" title=${request.error ?? wrong}
            >${icon(request.state === 'failed' ? 'error' : 'circle-slash', undefined, 'tiny')}${wrong}</span
          >`
    }
    ${request.state === 'running' ? html`<span class="running-word">running</span>` : nothing}
    <span class="grow"></span>
    ${fill(request.contextTokens, options.window)}
  </div>`;
}

/** The joint where a compacted conversation goes on. */
export function jointRow(item: JointItem): TemplateResult {
  return html`<div
    class="tree-row joint-row"
    role="none"
    title="${item.branch.branchId} (UTC): the client summarised the history and went on with the summary"
    ${placed(item)}
  >
    <span class="joint-label">${item.label}</span>
  </div>`;
}

const TASK_STATES = {
  running: ['sync', 'state-running', 'running'],
  done: ['check', 'dim', 'done'],
  failed: ['error', 'state-error', 'failed'],
} as const;

/** A sub-task: a box that opens in place, beside it what it was about. */
export function taskRow(
  item: TaskItem,
  options: RowOptions & { toggle: () => void; hover: (box: Element | null) => void },
): TemplateResult {
  const [name, tone, word] = TASK_STATES[item.invocation?.state ?? 'done'];
  const kind = item.invocation?.agentType;
  const last = item.turns.at(-1)?.request;
  const label = `${item.label}, ${word}${kind ? `, ${kind}` : ''}`;
  const edgeWidth = METRICS.boxOffset - METRICS.lane;
  return html`<div
    id=${itemId(item)}
    role="treeitem"
    class="tree-row task-row ${options.selected ? 'selected' : ''}"
    aria-level=${item.level}
    aria-selected=${String(options.selected)}
    aria-expanded=${item.turns.length === 0 ? nothing : String(item.expanded)}
    aria-label=${label}
    data-task=${item.branch.branchId}
    ${placed(item)}
    @click=${options.choose}
  >
    ${kind ? html`<span class="task-kind ellipsis" ${setStyle({ left: `${item.x - edgeWidth}px`, width: `${edgeWidth - 8}px` })}>${kind}</span>` : nothing}
    <span
      class="task-box"
      ${setStyle({ left: `${item.x}px`, width: `${METRICS.boxWidth}px`, height: `${METRICS.boxHeight}px` })}
      @mouseenter=${(event: Event) => {
        options.hover(event.currentTarget as Element);
      }}
      @mouseleave=${() => {
        options.hover(null);
      }}
    >
      ${
        item.turns.length === 0
          ? html`<span class="task-twistie"></span>`
          : html`<button
              type="button"
              class="icon-button small task-twistie"
              tabindex="-1"
              title=${item.expanded ? 'Close the sub-task (←)' : 'Show the sub-task in place (→)'}
              aria-hidden="true"
              @click=${(event: Event) => {
                event.stopPropagation();
                options.toggle();
              }}
            >
              ${icon(item.expanded ? 'chevron-down' : 'chevron-right')}
            </button>`
      }
      <span class="ellipsis grow">${item.label}</span>
      <span class="task-state" title=${word}>${icon(name, word, `${tone} small`)}</span>
    </span>
    <span class="turn-label ellipsis dim"
      >${showInvisible(item.invocation?.prompt ?? last?.preview ?? '').split('\n', 1)[0] ?? ''}</span
    >
    <span class="grow"></span>
    ${fill(last?.contextTokens ?? 0, options.window)}
  </div>`;
}
