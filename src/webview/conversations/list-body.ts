import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { button } from '../shared/controls.ts';
import { notice } from '../shared/notices.ts';
import { groupByDay } from './list-groups.ts';
import type { ListLoader } from './list-loader.ts';
import { listHeadings, listRow, listSkeleton } from './list-row.ts';
import { messageHits } from './message-hits.ts';
import type { MessageSearch } from './message-search.ts';

/** Titles that match, before what was found in messages; a click shows the rest. */
const FIRST_TITLES = 5;

export interface ListBody {
  list: ListLoader;
  messages: MessageSearch;
  now: number;
  /** Something is searched: titles and messages are told apart. */
  searching: boolean;
  filtered: boolean;
  /** All titles that match are shown, not only the first. */
  allTitles: boolean;
  /** Id of the element that the keys have chosen. */
  active: string | null;
  load: (how: 'new' | 'more') => void;
  clear: () => void;
  showAllTitles: () => void;
  open: (conversationId: string, requestId: string | null) => void;
}

/** What is under the header: conversations by day and, while something is searched, what was found in messages. */
export function listBody(body: ListBody): TemplateResult {
  const { list, messages, searching, active } = body;
  const none = list.rows.length === 0;
  if (list.status === 'loading' && none && messages.status === 'off') return listSkeleton();
  if (list.status === 'error' && none) {
    return notice({
      icon: 'debug-disconnect',
      title: 'The conversations could not be loaded',
      text: list.error,
      actions: button({
        label: 'Try again',
        icon: 'refresh',
        onClick: () => {
          body.load('new');
        },
      }),
      role: 'alert',
    });
  }
  const noHits = messages.status === 'off' || (messages.status === 'idle' && messages.hits.length === 0);
  const nothingFound = none && list.status === 'idle' && noHits && !messages.hasMore;
  if (nothingFound && (body.filtered || searching)) {
    return notice({
      icon: 'search',
      title: 'No conversation matches',
      text: 'Neither a title nor a message has it. Other words or fewer filters may find it.',
      actions: button({ label: 'Clear search and filters', onClick: body.clear }),
    });
  }
  if (nothingFound) {
    return notice({
      icon: 'comment-discussion',
      title: 'No conversations yet',
      text: html`Type <code>claude</code> in the integrated terminal. What passes through Nexus appears here
        as it happens.`,
    });
  }
  return html`${none ? nothing : listHeadings()}
    <div
      role="listbox"
      aria-label="Conversations"
      class="list-rows"
      tabindex="0"
      aria-activedescendant=${active ?? nothing}
    >
      ${none ? nothing : titles(body)}
      ${messageHits(messages, {
        now: body.now,
        active,
        open: (hit) => {
          body.open(hit.conversationId, hit.requestId);
        },
      })}
    </div>
    ${searching && !body.allTitles ? nothing : listEnd(body)}`;
}

function titles(body: ListBody): TemplateResult {
  const { list, now, active, searching } = body;
  const some = searching && !body.allTitles && list.rows.length > FIRST_TITLES;
  const rows = some ? list.rows.slice(0, FIRST_TITLES) : list.rows;
  const count = `${String(list.rows.length)}${list.cursor === null ? '' : ' or more'}`;
  return html`${groupByDay(rows, now).map(
    (group) =>
      html`<div role="group" aria-label=${group.day}>
        <h2 class="list-day">${group.day}</h2>
        ${repeat(
          group.rows,
          (row) => row.conversationId,
          (row) =>
            listRow(row, now, active === `conversation-${row.conversationId}`, (id) => {
              body.open(id, null);
            }),
        )}
      </div>`,
  )}
  ${
    some
      ? html`<div class="list-more">
          <button type="button" class="link" @click=${body.showAllTitles}>
            Show all ${count} conversations whose title matches
          </button>
        </div>`
      : nothing
  }`;
}

function listEnd({ list, load }: ListBody): TemplateResult {
  return html`<div class="list-end">
    ${
      list.status === 'error'
        ? html`<span class="state-error">${list.error}</span>
            <button
              type="button"
              class="link"
              @click=${() => {
                load('more');
              }}
            >
              Try again
            </button>`
        : list.cursor === null
          ? nothing
          : html`<span class="dim">Loading more…</span>`
    }
  </div>`;
}
