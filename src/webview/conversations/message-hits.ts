import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { SearchHit } from '../../protocol/search.ts';
import { formatExact, plural } from '../../wording/numbers.ts';
import { formatAbsolute, formatAge, formatAgo } from '../../wording/times.ts';
import { icon } from '../shared/icon.ts';
import { plainTerminal, showInvisible } from '../shared/visible-text.ts';
import './message-hits.css';
import { MOST_HITS, type MessageSearch } from './message-search.ts';

const KIND_WORDS = {
  text: { user: 'You', assistant: 'Claude', system: 'You, meanwhile' },
  thinking: 'Thinking',
  tool_use: 'Tool call',
  tool_result: 'Tool result',
} as const;

const wordOf = ({ kind, role }: SearchHit): string =>
  kind === 'text' ? KIND_WORDS.text[role] : KIND_WORDS[kind];

/** The name an element of a hit has, also as the one the keys have chosen. */
const hitId = (hit: SearchHit): string => `hit-${hit.requestId}`;

interface Options {
  now: number;
  /** Id of the element that the keys have chosen. */
  active: string | null;
  open: (hit: SearchHit) => void;
}

/** The part of the list that shows what was found in messages, by conversation; nothing while nothing is searched. */
export function messageHits(search: MessageSearch, options: Options): TemplateResult | typeof nothing {
  if (search.status === 'off') return nothing;
  return html`<div
    role="group"
    aria-label="In messages"
    class="hits"
    aria-busy=${String(search.status === 'loading')}
  >
    <h2 class="list-section">In messages</h2>
    ${search.status === 'loading' ? hitSkeleton() : hitsOf(search, options)}
  </div>`;
}

function hitsOf(search: MessageSearch, options: Options): TemplateResult {
  const { hits, status, message, waiting } = search;
  // By conversation, the one with the newest hit first.
  const groups = [...Map.groupBy(hits, (hit) => hit.conversationId).values()];
  return html`${repeat(
      groups,
      ([first]) => first!.conversationId,
      (group) => hitGroup(group, options),
    )}
    <div class="hits-end dim" role="status">
      ${status === 'hint' ? html`<span>${message}</span>` : nothing}
      ${
        status === 'error'
          ? html`<span class="state-error">${message || 'The messages could not be searched.'}</span> ${link(
                'Try again',
                () => {
                  search.again();
                },
              )}`
          : nothing
      }
      ${status === 'more' ? html`<span>Searching further back…</span>` : nothing}
      ${status === 'idle' ? endOf(search) : nothing}
      ${
        waiting > 0 && status === 'idle'
          ? html`<span>${plural(waiting, 'turn')} not searched yet: the index is being made.</span>`
          : nothing
      }
    </div>`;
}

function endOf(search: MessageSearch): TemplateResult | typeof nothing {
  const { hits, hasMore } = search;
  if (hasMore) {
    const shown =
      hits.length === 0
        ? 'Nothing in the newest turns.'
        : `The newest ${formatExact(hits.length)} are shown.`;
    return html`<span>${shown}</span> ${link('Search further back', () => {
        search.more();
      })}`;
  }
  if (hits.length === 0) return html`<span>No message has all of these words.</span>`;
  return hits.length < MOST_HITS
    ? nothing
    : html`<span
        >Only the newest ${formatExact(hits.length)} are shown. More words find what is older.</span
      >`;
}

const link = (label: string, onClick: () => void): TemplateResult =>
  html`<button type="button" class="link" @click=${onClick}>${label}</button>`;

function hitGroup(hits: SearchHit[], options: Options): TemplateResult {
  const [first] = hits;
  const title = showInvisible(first?.title ?? '') || 'Untitled conversation';
  return html`<div role="group" aria-label=${title} class="hit-group">
    <h3 class="hit-title">
      ${icon('comment-discussion', undefined, 'small')}<span class="ellipsis" title=${title}>${title}</span>
      <span class="dim ellipsis">${showInvisible(first?.project ?? '')}</span>
    </h3>
    ${hits.map((hit) => hitRow(hit, options))}
  </div>`;
}

function hitRow(hit: SearchHit, { now, active, open }: Options): TemplateResult {
  const at = Date.parse(hit.timestamp);
  const chosen = active === hitId(hit);
  return html`<div
    role="option"
    id=${hitId(hit)}
    class="hit ${chosen ? 'active' : ''}"
    aria-selected=${String(chosen)}
    @click=${() => {
      open(hit);
    }}
  >
    <span class="hit-kind dim">${wordOf(hit)}</span>
    <span class="hit-snippet">${marked(hit)}</span>
    <span class="hit-age right num dim" title="${formatAbsolute(at)} (${formatAgo(at, now)})"
      >${formatAge(at, now)}</span
    >
  </div>`;
}

/** The snippet, what was found in it marked. It is traffic: shown as text, whatever is in it. */
function marked({ snippet, highlights }: SearchHit): (TemplateResult | string)[] {
  const parts: (TemplateResult | string)[] = [];
  let at = 0;
  for (const [from, to] of highlights) {
    parts.push(
      plainTerminal(snippet.slice(at, from)),
      html`<mark>${plainTerminal(snippet.slice(from, to))}</mark>`,
    );
    at = to;
  }
  return [...parts, plainTerminal(snippet.slice(at))];
}

function hitSkeleton(): TemplateResult {
  return html`<div role="status" aria-label="Searching messages">
    ${[70, 54, 62].map(
      (width) =>
        html`<div class="hit">
          <span class="skeleton"></span><span class="skeleton w-${width}"></span><span></span>
        </div>`,
    )}
  </div>`;
}
