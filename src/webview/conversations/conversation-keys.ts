import { focusField } from '../shared/controls.ts';
import type { ConversationView } from './conversation-view.ts';
import { panelKeys } from '../shared/panel-keys.ts';
import type { TreeItem } from './tree/layout.ts';

/** Keys of the conversation view; what is being typed into, and a turn that is being read, keep their own. */
export function conversationKeys(view: ConversationView): (event: KeyboardEvent) => void {
  const items = (): TreeItem[] => (view.layout?.items ?? []).filter((item) => item.kind !== 'joint');
  const current = (): TreeItem | undefined => items().find((item) => item.key === view.selectedKey());
  const move = (to: (index: number, last: number) => number): void => {
    const all = items();
    const index = all.findIndex((item) => item.key === view.selectedKey());
    const item = all[Math.max(0, Math.min(all.length - 1, to(index, all.length - 1)))];
    if (item) view.choose(item);
  };
  const tree = (): HTMLElement | null => view.querySelector('.tree-scroll');
  const fold = (open: boolean): void => {
    const item = current();
    if (item?.kind === 'task') {
      if (item.expanded !== open) view.toggle(item);
    } else if (!open && item && item.level > 1) {
      const box = items().findLast(
        (each) => each.kind === 'task' && each.y < item.y && each.level < item.level,
      );
      if (box) view.choose(box);
    } else if (open && item?.kind === 'turn') {
      const box = items().find((each) => each.kind === 'task' && each.owner === item.turn);
      if (box) view.choose(box);
    }
  };
  const actions: Record<string, (event: KeyboardEvent) => void> = {
    ArrowDown: () => {
      move((index) => index + 1);
    },
    ArrowUp: () => {
      move((index) => index - 1);
    },
    Home: () => {
      move(() => 0);
    },
    End: () => {
      move((_index, last) => last);
    },
    ArrowLeft: () => {
      fold(false);
    },
    ArrowRight: () => {
      fold(true);
    },
    Enter: () => {
      const item = current();
      if (item?.kind === 'task') view.toggle(item);
      else view.querySelector<HTMLElement>('.turn-scroll')?.focus();
    },
    f: () => {
      view.nextBranch();
    },
    r: () => {
      view.load();
    },
    '/': () => {
      focusField(view.querySelector('.turn-search'));
    },
  };
  actions['j'] = actions['ArrowDown'] as () => void;
  actions['k'] = actions['ArrowUp'] as () => void;

  const escape = (typing: boolean): void => {
    if (view._search !== '') view._search = '';
    else if (typing) tree()?.focus();
    else if (document.activeElement?.closest('.split-turn')) tree()?.focus();
    else view.back();
  };

  return panelKeys({
    actions,
    escape,
    // A turn being read scrolls with its own arrows.
    keeps: 'button, a, vscode-dropdown, [role=tab], [role=separator], .turn-scroll',
  });
}
