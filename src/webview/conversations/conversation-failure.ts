import { html, type TemplateResult } from 'lit';
import { isUnknown } from '../shared/api.ts';
import { button } from '../shared/controls.ts';
import { notice } from '../shared/notices.ts';

/** A conversation that could not be shown: unknown, or out of reach. */
export function conversationFailure(error: Error, again: () => void, back: () => void): TemplateResult {
  const list = button({ label: 'All conversations', onClick: back });
  if (isUnknown(error)) {
    return notice({
      icon: 'question',
      title: 'This conversation is not in the store',
      text: 'It may have been deleted, or the link comes from another machine.',
      actions: list,
      role: 'alert',
    });
  }
  return notice({
    icon: 'debug-disconnect',
    title: 'The conversation could not be loaded',
    text: error.message,
    actions: html`${button({ label: 'Try again', icon: 'refresh', onClick: again })}${list}`,
    role: 'alert',
  });
}
