import { normaliseText } from './block-form.ts';
import type { MessageFacts } from './message-facts.ts';

/** The sentences clients are recognised by, every version seen. Texts are compared after normalisation. */

/** The newest message that is not a `system` one asks for a summary of the conversation. */
export function asksForSummary(messages: MessageFacts[]): boolean {
  const last = newestOf(messages);
  return last?.role === 'user' && last.texts.some((text) => text.includes(SUMMARY_REQUEST));
}

/** The newest message that is not a `system` one. */
export function newestOf(messages: MessageFacts[]): MessageFacts | undefined {
  return messages.findLast(({ role }) => role !== 'system');
}

const SUMMARY_REQUEST = 'Your task is to create a detailed summary of the conversation';

/** The user text that carries a summary into the new message list; not always in the first message. */
export function continuedText(messages: MessageFacts[]): string | null {
  for (const { role, texts } of messages) {
    const found = role === 'user' ? texts.find((text) => text.includes(CONTINUED)) : undefined;
    if (found !== undefined) return found;
  }
  return null;
}

const CONTINUED = 'This session is being continued from a previous conversation';

/** Texts that stand in a user message although the client wrote them: a list should show others, if there are any. */
export function isClientText(text: string): boolean {
  return CLIENT_TEXT.test(text);
}

const CLIENT_TEXT =
  /^(?:<local-command-|<command-|<task-notification|<fork-boilerplate|Caveat: The messages below were generated|\[Request interrupted by user|This session is being continued from a previous conversation)/;

/** What the user typed while the model worked: newer versions send it in a `system` message. */
export function queuedText({ role, texts }: MessageFacts): string | null {
  const text = role === 'system' ? texts.find((one) => one.includes(QUEUED)) : undefined;
  return text === undefined ? null : normaliseText(text.slice(text.indexOf(QUEUED) + QUEUED.length));
}

const QUEUED = 'The user sent a new message while you were working:';

/** What a fork was told to do: its boilerplate ends with the prompt of the call that made it. */
export function forkDirective(text: string): string | null {
  if (!text.includes('<fork-boilerplate>')) return null;
  const at = text.lastIndexOf(DIRECTIVE);
  return at < 0 ? null : normaliseText(text.slice(at + DIRECTIVE.length));
}

const DIRECTIVE = 'Your directive:';

/** The task behind a workflow's preamble: the text after the preamble's last colon at a line's end, indented. */
export function workflowTask(text: string): string | null {
  if (!text.startsWith('[Workflow harness')) return null;
  const at = text.search(/:\n[ \t]+\S/);
  if (at < 0) return null;
  return normaliseText(text.slice(at + 2).replace(/^ {2}/gm, ''));
}
