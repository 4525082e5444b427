import { html, nothing, type TemplateResult } from 'lit';
import type { ListFilters } from '../shared/api.ts';
import { dropdown } from '../shared/controls.ts';
import { exactField, STATES } from '../shared/filters.ts';

const KINDS = [
  { value: '', label: 'Any shape' },
  { value: 'branch', label: 'With branches' },
  { value: 'subtask', label: 'With sub-tasks' },
  { value: 'compact', label: 'With compactions' },
];

/** The row of filters under the list's header. */
export function listFilters(options: {
  filters: ListFilters;
  filtered: boolean;
  choose: (change: Partial<ListFilters>) => void;
  clear: () => void;
}): TemplateResult {
  const { filters, choose } = options;
  const type = (name: 'project' | 'model', label: string): TemplateResult =>
    exactField(filters[name], label, (value) => {
      choose({ [name]: value });
    });
  return html`<div class="list-filters" role="group" aria-label="Filters">
    ${dropdown({
      label: 'State',
      value: filters.state,
      choices: STATES,
      onChange: (state) => {
        choose({ state });
      },
    })}
    ${dropdown({
      label: 'Shape of the tree',
      value: filters.branchKind,
      choices: KINDS,
      onChange: (branchKind) => {
        choose({ branchKind });
      },
    })}
    ${type('project', 'Project')} ${type('model', 'Model')}
    ${
      options.filtered
        ? html`<button type="button" class="link" @click=${options.clear}>Clear filters</button>`
        : nothing
    }
  </div>`;
}
