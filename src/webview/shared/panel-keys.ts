import { isTyping } from './typing.ts';

/**
 * A listener for a panel's keys: one action for each. What is being typed into keeps its letters; controls (`keeps`, a
 * selector) keep the keys with a name, such as Enter and the arrows, and those of `controlKeys`. Escape always reaches
 * `escape`, which is told whether the user is typing.
 */
export function panelKeys(options: {
  actions: Readonly<Record<string, (event: KeyboardEvent) => void>>;
  escape: (typing: boolean) => void;
  keeps: string;
  controlKeys?: string;
}): (event: KeyboardEvent) => void {
  const { actions, escape, keeps, controlKeys = '' } = options;
  return (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const typing = isTyping(event);
    if (event.key === 'Escape') {
      event.preventDefault();
      escape(typing);
      return;
    }
    if (typing) return;
    const target = event.composedPath()[0];
    const named = event.key.length > 1 || controlKeys.includes(event.key);
    if (named && target instanceof Element && target.closest(keeps)) return;
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action(event);
  };
}
