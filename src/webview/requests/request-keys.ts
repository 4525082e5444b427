import { focusField } from '../shared/controls.ts';
import type { KeyList } from '../shared/key-sheet.ts';
import { panelKeys } from '../shared/panel-keys.ts';
import type { NexusRequests } from './app.ts';

export const REQUEST_KEYS: KeyList = [
  [['↑', '↓'], 'Move (also j, k)'],
  [['Home', 'End'], 'First or last request'],
  [['Enter'], 'Open the turn, or the request'],
  [['Space'], 'Select for comparing'],
  [['c'], 'Compare the two, or with the previous turn'],
  [['/', 'f'], 'Show filters'],
  [['r'], 'Refresh'],
  [['Esc'], 'Clear the selection, close filters'],
  [['?'], 'This list'],
];

/** Keys of the requests panel; what is being typed into keeps its own. */
export function requestKeys(view: NexusRequests): (event: KeyboardEvent) => void {
  const page = (): number => Math.max(1, Math.floor((view.scroller()?.clientHeight ?? 0) / 28) - 2);
  const step = (by: () => number) => (): void => {
    view.move((index) => index + by());
  };
  const down = step(() => 1);
  const up = step(() => -1);
  const toggleFilters = (): void => {
    view.keep({ filtersOpen: !view._state.filtersOpen });
  };
  const actions: Record<string, () => void> = {
    ArrowDown: down,
    j: down,
    ArrowUp: up,
    k: up,
    PageDown: step(() => page()),
    PageUp: step(() => -page()),
    Home: () => {
      view.move(() => 0);
    },
    End: () => {
      view.move((_index, last) => last);
    },
    Enter: () => {
      const row = view.activeRow();
      if (row !== null) view.open(row);
    },
    ' ': () => {
      if (view._active !== null) view.select(view._active);
    },
    c: () => {
      view.compare();
    },
    f: toggleFilters,
    '/': () => {
      view.keep({ filtersOpen: true });
      void view.updateComplete.then(() => {
        focusField(view.querySelector('.request-filters .search-field'));
      });
    },
    r: () => {
      view.load('refresh');
    },
    '?': () => {
      view._help = !view._help;
    },
  };
  const escape = (typing: boolean): void => {
    if (view._help) view._help = false;
    else if (typing) view.scroller()?.focus();
    else if (view._chosen.length > 0) view._chosen = [];
    else if (view._state.filtersOpen) toggleFilters();
  };
  return panelKeys({
    actions,
    escape,
    keeps: 'button, a, summary, input, vscode-dropdown, vscode-button',
    controlKeys: ' ',
  });
}
