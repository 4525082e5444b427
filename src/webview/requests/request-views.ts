import { html, nothing, type TemplateResult } from 'lit';
import type { RequestRow } from '../../protocol/rows.ts';
import { plural } from '../../wording/numbers.ts';
import { button } from '../shared/controls.ts';
import { exportMenu } from '../shared/export-menu.ts';
import type { Host } from '../shared/host.ts';
import { iconButton } from '../shared/icon.ts';
import { notice } from '../shared/notices.ts';
import type { RequestLoader } from './request-loader.ts';
import { requestSkeleton } from './request-row.ts';

/** Title, and what concerns the list as a whole. */
export function requestsHeader(options: {
  host: Host;
  filtered: boolean;
  filtersOpen: boolean;
  toggle: () => void;
  refresh: () => void;
}): TemplateResult {
  const { host, filtersOpen } = options;
  return html`<header class="requests-header">
    <h1>Requests</h1>
    ${iconButton({
      name: options.filtered ? 'filter-filled' : 'filter',
      title: filtersOpen ? 'Hide filters (f)' : 'Show filters (f)',
      pressed: filtersOpen,
      onClick: options.toggle,
    })}
    ${iconButton({ name: 'refresh', title: 'Refresh (r)', onClick: options.refresh })}
    ${
      host.openPage === null
        ? nothing
        : iconButton({
            name: 'list-tree',
            title: 'Conversations',
            onClick: () => host.openPage?.('conversations'),
          })
    }
  </header>`;
}

/** What stands there while there is no row: loading, failed, nothing yet, or nothing that the filters let through. */
export function emptyView(options: {
  loader: Pick<RequestLoader, 'status' | 'error'>;
  filtered: boolean;
  retry: () => void;
  clear: () => void;
}): TemplateResult {
  const { status, error } = options.loader;
  if (status === 'loading' || status === 'more') return requestSkeleton();
  if (status === 'error') {
    return notice({
      icon: 'debug-disconnect',
      title: 'The requests could not be loaded',
      text: error,
      actions: button({ label: 'Try again', icon: 'refresh', onClick: options.retry }),
      role: 'alert',
    });
  }
  if (options.filtered) {
    return notice({
      icon: 'search',
      title: 'No request matches',
      text: 'Fewer filters may find it.',
      actions: button({ label: 'Clear filters', onClick: options.clear }),
    });
  }
  return notice({
    icon: 'list-flat',
    title: 'No requests yet',
    text: html`Type <code>claude</code> in the integrated terminal. Each request appears here as it happens.`,
  });
}

/** What can be done with the row that is active, or with the two that are selected. */
export function actionBar(options: {
  host: Host;
  active: RequestRow | null;
  chosen: readonly string[];
  open: (row: RequestRow) => void;
  compare: () => void;
}): TemplateResult | typeof nothing {
  const { active, chosen } = options;
  if (active === null) return nothing;
  const pair = chosen.length === 2;
  return html`<div class="requests-bar" role="toolbar" aria-label="Actions">
    ${button({
      label: active.conversationId === null ? 'Open request JSON' : 'Open turn',
      icon: active.conversationId === null ? 'json' : 'go-to-file',
      title: 'Open (Enter)',
      onClick: () => {
        options.open(active);
      },
    })}
    ${button({
      label: pair ? 'Compare the two' : 'Compare with previous turn',
      icon: 'diff',
      title: 'Compare (c)',
      disabled: !pair && active.parentRequestId === null,
      onClick: options.compare,
    })}
    ${exportMenu(options.host, { requestId: active.requestId })}
    <span class="grow"></span>
    <span class="dim"
      >${chosen.length === 0 ? 'Space selects a request to compare' : `${plural(chosen.length, 'request')} selected`}</span
    >
  </div>`;
}
