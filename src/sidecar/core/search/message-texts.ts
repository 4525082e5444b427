import { normaliseText } from '../block-form.ts';
import { blocksOf, isObject, listOf, member, parseJson, stringOf } from '../json.ts';
import type { ChainItem } from '../split.ts';
import { queuedText } from '../wording.ts';
import { addTerms } from './words.ts';

export type TextRole = 'user' | 'assistant' | 'system';
export type TextKind = 'text' | 'thinking' | 'tool_use' | 'tool_result';

/** A text of a message that can be found. */
export interface MessageText {
  role: TextRole;
  kind: TextKind;
  text: string;
}

/** What is read of one turn, in UTF-16 units: a text beyond it is not searched. */
const MOST_TEXT = 1024 * 1024;
/** Deeper strings of a call's input are left out. */
const DEEPEST = 20;

/** The texts of messages that are parsed already. */
export function textsOfMessages(messages: readonly unknown[]): MessageText[] {
  return bounded(
    messages.flatMap((message) => {
      const role = roleOf(member(message, 'role'));
      return blocksOf(member(message, 'content')).flatMap((block) => textsOfBlock(role, block));
    }),
  );
}

/** The texts of items of a chain; an item before any message opens is `role`'s. */
export function textsOfItems(items: readonly ChainItem[], role: TextRole): MessageText[] {
  let open = role;
  return bounded(
    items.flatMap(({ shell, block }) => {
      if (shell !== null) open = roleOf(member(parseJson(shell.toString().replace('\0', 'null')), 'role'));
      return block.length === 0 ? [] : textsOfBlock(open, parseJson(block.toString()));
    }),
  );
}

/** The terms of a turn's texts. */
export function termsOf(texts: readonly MessageText[]): Set<string> {
  const terms = new Set<string>();
  for (const { kind, text } of texts) {
    addTerms(kind === 'tool_result' ? text.replace(LINE_NUMBERS, '') : text, terms);
  }
  return terms;
}

/** What file readers put before each line: nobody looks for those numbers, and they are a third of all words. */
const LINE_NUMBERS = /^[ \t]*\d+(?:→|\t)/gm;

function textsOfBlock(role: TextRole, block: unknown): MessageText[] {
  if (!isObject(block)) return [];
  const type = stringOf(member(block, 'type')) ?? '';
  if (type === 'text') return spoken(role, stringOf(member(block, 'text')) ?? '');
  if (role === 'system') return [];
  if (type === 'thinking') return some(role, 'thinking', stringOf(member(block, 'thinking')) ?? '');
  if (type.endsWith('tool_use')) {
    const name = stringOf(member(block, 'name')) ?? '';
    return some(role, 'tool_use', [name, ...strings(member(block, 'input'), 0)].join('\n'));
  }
  if (type.endsWith('tool_result')) {
    const texts = blocksOf(member(block, 'content')).map((part) => stringOf(member(part, 'text')));
    return some(role, 'tool_result', texts.map((text) => normaliseText(text ?? '') ?? '').join('\n'));
  }
  return type === 'document'
    ? some(role, 'text', stringOf(member(member(block, 'source'), 'data')) ?? '')
    : [];
}

/** Of what the client says in a `system` message only what the user typed meanwhile; reminders are the client's, too. */
function spoken(role: TextRole, text: string): MessageText[] {
  const said = normaliseText(text);
  if (said === null) return [];
  return some(
    role,
    'text',
    role === 'system' ? (queuedText({ ...NO_FACTS, role, texts: [said] }) ?? '') : said,
  );
}

const NO_FACTS = { toolKeys: [], results: [], names: [] };

const some = (role: TextRole, kind: TextKind, text: string): MessageText[] =>
  text.trim() === '' ? [] : [{ role, kind, text }];

function strings(value: unknown, depth: number): string[] {
  if (typeof value === 'string') return [value];
  if (depth > DEEPEST) return [];
  const members = isObject(value) ? Object.values(value) : listOf(value);
  return members.flatMap((each) => strings(each, depth + 1));
}

const roleOf = (role: unknown): TextRole => (role === 'assistant' || role === 'system' ? role : 'user');

function bounded(texts: MessageText[]): MessageText[] {
  let left = MOST_TEXT;
  return texts.flatMap((each) => {
    const text = each.text.slice(0, left);
    left -= text.length;
    return text === '' ? [] : [{ ...each, text }];
  });
}
