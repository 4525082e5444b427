import { html, nothing, type TemplateResult } from 'lit';
import type { ConversationDetail } from '../../protocol/rows.ts';
import { searchField } from '../shared/controls.ts';
import { exportMenu } from '../shared/export-menu.ts';
import type { Host } from '../shared/host.ts';
import { icon, iconButton } from '../shared/icon.ts';
import {
  formatCost,
  formatCount,
  formatDuration,
  formatExact,
  formatShare,
  formatTokens,
  plural,
} from '../../wording/numbers.ts';
import { formatAbsolute } from '../../wording/times.ts';
import { showInvisible } from '../shared/visible-text.ts';
import type { BranchStyle } from './branches.ts';
import { readFacts } from './conversation-facts.ts';
import { shortModel } from '../../wording/models.ts';

interface Fact {
  text: string;
  title: string;
  icon?: string;
}

function factsOf(detail: ConversationDetail): Fact[] {
  const { conversation } = detail;
  const facts = readFacts(detail);
  const model = conversation.latestModel ?? conversation.modelsUsed[0];
  const side = detail.sideCalls.length;
  const shape = facts.branches === 0 ? null : `main + ${plural(facts.branches, 'branch', 'branches')}`;
  const maybe = (condition: boolean, fact: Fact): Fact[] => (condition ? [fact] : []);
  return [
    ...maybe(model !== undefined, {
      text: model ? shortModel(model) : '',
      title: conversation.modelsUsed.join(', '),
    }),
    ...maybe(shape !== null, {
      text: shape ?? '',
      title: plural(conversation.branchCount, 'branch', 'branches') + ' in all',
    }),
    ...maybe(facts.compactions > 0, {
      text: plural(facts.compactions, 'compaction'),
      title: 'How often the client summarised its history',
    }),
    ...maybe(facts.subtasks > 0, {
      text: plural(facts.subtasks, 'sub-task'),
      title: 'Conversations started by Task or Agent calls',
    }),
    {
      text: plural(conversation.requestCount, 'request'),
      title:
        side === 0
          ? 'Requests of this conversation'
          : `And ${plural(side, 'side call')} (titles, checks), not shown in the tree`,
    },
    {
      text: formatTokens(conversation.totalTokens),
      title: `${formatExact(conversation.totalTokens)} tokens in and out, cache not counted`,
    },
    ...maybe(facts.contextTokens > 0, {
      text: `context ${formatCount(facts.contextTokens)} (${formatShare(facts.cachedShare)} cached)`,
      title: `${formatExact(facts.contextTokens)} tokens went into the model over all requests`,
    }),
    ...(conversation.cost === null
      ? []
      : [{ text: formatCost(conversation.cost), title: 'Cost at list prices' }]),
    ...maybe(facts.durationMs > 0, {
      text: formatDuration(facts.durationMs),
      title: `${formatAbsolute(Date.parse(conversation.firstMessageTime))} – ${formatAbsolute(Date.parse(conversation.lastMessageTime))}`,
    }),
    ...maybe(conversation.errorCount > 0, {
      text: plural(conversation.errorCount, 'error'),
      title: 'Requests that failed',
      icon: 'warning',
    }),
  ];
}

/** Title, what the conversation used, and what one can do with it. */
export function conversationHeader(options: {
  detail: ConversationDetail;
  host: Host;
  requestId: string | null;
  copied: string | null;
  onCopy: (what: 'link' | 'id') => void;
  onBack: () => void;
  onRefresh: () => void;
}): TemplateResult {
  const { conversation } = options.detail;
  const title = showInvisible(conversation.title) || 'Untitled conversation';
  const copy = (what: 'link' | 'id', name: string, label: string): TemplateResult =>
    iconButton({
      name: options.copied === what ? 'check' : name,
      title: options.copied === what ? 'Copied' : label,
      onClick: () => {
        options.onCopy(what);
      },
    });
  return html`<header class="conversation-header">
    <div class="conversation-title">
      ${iconButton({ name: 'arrow-left', title: 'All conversations (Esc)', onClick: options.onBack })}
      <h1 class="ellipsis" title=${title}>${title}</h1>
      ${conversation.state === 'running' ? html`<span class="live"><span class="live-dot"></span>running</span>` : nothing}
      <span class="grow"></span>
      ${copy('link', 'link', 'Copy link')} ${copy('id', 'copy', 'Copy conversation id')}
      ${exportMenu(options.host, { conversationId: conversation.conversationId, title: conversation.title })}
      ${iconButton({ name: 'refresh', title: 'Refresh (r)', onClick: options.onRefresh })}
    </div>
    <p class="facts">
      ${factsOf(options.detail).map(
        (fact) =>
          html`<span class="fact ${fact.icon ? 'state-error' : ''}" title=${fact.title}
            >${fact.icon ? icon(fact.icon, undefined, 'small') : nothing}${fact.text}</span
          >`,
      )}
    </p>
  </header>`;
}

/** Chips for all branches with a column, and the search within the conversation. */
export function branchBar(options: {
  styles: Map<string, BranchStyle>;
  counts: Map<string, number>;
  chosen: string | null;
  search: string;
  onChoose: (branchId: string | null) => void;
  onSearch: (text: string) => void;
}): TemplateResult {
  const branches = [...options.styles.values()].filter((branch) => branch.kind !== 'subtask');
  const chip = (
    branchId: string | null,
    label: string,
    count: number,
    title: string,
    swatch: string,
  ): TemplateResult =>
    html`<button
      type="button"
      class="chip ${swatch}"
      aria-pressed=${String(options.chosen === branchId)}
      aria-label=${title}
      title=${title}
      @click=${() => {
        options.onChoose(branchId);
      }}
    >
      ${branchId === null ? nothing : html`<span class="swatch"></span>`}${label}
      ${count > 0 ? html`<span class="chip-count num">${count}</span>` : nothing}
    </button>`;
  return html`<div class="branch-bar">
    <div class="chips" role="group" aria-label="Branches (f for the next one)">
      ${branches.length > 1 ? chip(null, 'all', 0, 'All branches', '') : nothing}
      ${branches.map((branch) => {
        const count = options.counts.get(branch.branchId) ?? 0;
        const title = `${branch.branchId} (UTC): ${plural(count, 'turn')}`;
        return chip(branch.branchId, branch.label, count, title, `colour-${branch.colour}`);
      })}
    </div>
    ${searchField({
      value: options.search,
      placeholder: 'Search in conversation',
      label: 'Search in conversation',
      className: 'turn-search',
      onInput: options.onSearch,
    })}
  </div>`;
}
