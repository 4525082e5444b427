import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { RequestRow } from '../../protocol/rows.ts';
import { setStyle } from '../shared/set-style.ts';
import type { RequestLoader } from './request-loader.ts';
import { requestHeadings, requestRow } from './request-row.ts';

/** In pixels. */
export const ROW_HEIGHT = 28;
export const HEADINGS_HEIGHT = 24;
/** Rows drawn above and below those that can be seen. */
const SPARE = 12;

/** The list of requests: only what can be seen of it is drawn. */
export function requestGrid(options: {
  loader: RequestLoader;
  /** Where it is scrolled to, and how much of it can be seen; pixels. */
  top: number;
  height: number;
  active: string | null;
  chosen: readonly string[];
  scrolled: (top: number) => void;
  /** A click; `choosing`: with a key that adds to the selection. */
  pick: (row: RequestRow, choosing: boolean) => void;
  open: (row: RequestRow) => void;
  more: () => void;
}): TemplateResult {
  const { loader, top, height, active, chosen } = options;
  const { rows, cursor } = loader;
  const now = Date.now();
  const from = Math.max(0, Math.floor(top / ROW_HEIGHT) - SPARE);
  const to = Math.min(rows.length, Math.ceil((top + height) / ROW_HEIGHT) + SPARE);
  const drawn = rows.slice(from, to).map((row, index) => ({ row, index: from + index }));
  return html`<div
    class="requests-scroll"
    role="grid"
    tabindex="0"
    aria-label="Requests"
    aria-multiselectable="true"
    aria-rowcount=${cursor === null ? rows.length + 1 : -1}
    aria-activedescendant=${active === null ? nothing : `request-${active}`}
    @scroll=${(event: Event) => {
      options.scrolled((event.currentTarget as HTMLElement).scrollTop);
    }}
  >
    ${requestHeadings()}
    <div class="request-rows" role="rowgroup" ${setStyle({ height: `${rows.length * ROW_HEIGHT}px` })}>
      ${repeat(
        drawn,
        ({ row }) => row.requestId,
        ({ row, index }) =>
          requestRow({
            row,
            position: index + 1,
            top: index * ROW_HEIGHT,
            now,
            active: row.requestId === active,
            chosen: chosen.includes(row.requestId),
            onClick: (event) => {
              options.pick(row, event.ctrlKey || event.metaKey || event.shiftKey);
            },
            onOpen: () => {
              options.open(row);
            },
          }),
      )}
    </div>
    ${listEnd(loader, options.more)}
  </div>`;
}

function listEnd(
  { status, error, cursor }: RequestLoader,
  more: () => void,
): TemplateResult | typeof nothing {
  if (status === 'error') {
    return html`<div class="requests-end">
      <span class="state-error">${error}</span>
      <button type="button" class="link" @click=${more}>Try again</button>
    </div>`;
  }
  return cursor === null ? nothing : html`<div class="requests-end dim">Loading more…</div>`;
}
