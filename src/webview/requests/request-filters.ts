import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import type { RequestFilters } from '../shared/api.ts';
import { dropdown } from '../shared/controls.ts';
import { exactField, STATES } from '../shared/filters.ts';

const TYPES = [
  { value: '', label: 'Any type' },
  { value: 'inference', label: 'Turns' },
  { value: 'query_evaluation', label: 'Titles and checks' },
  { value: 'quota', label: 'Quota checks' },
  { value: 'count_tokens', label: 'Token counts' },
  { value: 'other', label: 'Others' },
];
const STATUSES = [
  { value: '', label: 'Any status' },
  { value: 'success', label: 'Success' },
  { value: 'error', label: 'Error' },
  ...['200', '400', '401', '403', '404', '429', '500', '529'].map((value) => ({ value, label: value })),
];

type Change = (change: Partial<RequestFilters>) => void;

/** The row of filters under the list's header. */
export function requestFilters(options: {
  filters: RequestFilters;
  filtered: boolean;
  choose: Change;
  clear: () => void;
}): TemplateResult {
  const { filters, choose } = options;
  const choice = (
    name: 'type' | 'state' | 'status',
    label: string,
    choices: { value: string; label: string }[],
  ): TemplateResult => {
    const value = filters[name];
    const known = choices.some((one) => one.value === value);
    return dropdown({
      label,
      value,
      // A deep link may ask for another code.
      choices: known ? choices : [...choices, { value, label: value }],
      onChange: (chosen) => {
        choose({ [name]: chosen });
      },
    });
  };
  const text = (name: keyof RequestFilters, label: string): TemplateResult =>
    exactField(filters[name], label, (value) => {
      choose({ [name]: value });
    });
  const day = (name: 'dateFrom' | 'dateTo', label: string): TemplateResult =>
    html`<label class="day-field"
      ><span class="dim">${label}</span
      ><input
        type="date"
        .value=${live(filters[name])}
        @change=${(event: Event) => {
          choose({ [name]: (event.target as HTMLInputElement).value });
        }}
    /></label>`;
  return html`<div class="request-filters" role="group" aria-label="Filters">
    ${choice('type', 'Type', TYPES)} ${choice('state', 'State', STATES)}
    ${choice('status', 'Status', STATUSES)} ${text('model', 'Model')} ${text('project', 'Project')}
    ${text('domain', 'Domain')} ${text('accountId', 'Account')} ${text('conversationId', 'Conversation')}
    ${text('branchId', 'Branch')} ${day('dateFrom', 'From')} ${day('dateTo', 'To')}
    ${
      options.filtered
        ? html`<button type="button" class="link" @click=${options.clear}>Clear filters</button>`
        : nothing
    }
  </div>`;
}
