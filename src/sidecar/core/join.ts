import {
  CONTENT_HOLE,
  decodeOverlay,
  HOLES,
  plainItems,
  spacingOf,
  TEXT_HEAD,
  unmark,
  type MessageNotes,
  type OverlayNotes,
  type Part,
} from './overlay.ts';
import type { ChainItem, FreshSplit, Split } from './split.ts';

/** The body that `splitBody` took apart, byte for byte. */
export function joinBody(split: Split): Buffer {
  const { messages, system, tools } = split;
  const notes = decodeOverlay(split.overlay, {
    items: { messages: messages.length, system: system.length, tools: tools.length },
    plain: () => plainItems(messages),
  });
  const out: Buffer[] = [];
  fill(split.template, out, (part) => {
    if (part === 'messages') joinMessages(messages, 0, notes, out);
    else joinValues(part, split[part], notes, out);
  });
  return Buffer.concat(out);
}

/**
 * True when the split gives this body back. What was known from the body before stands there with the same bytes, and
 * was rebuilt when it was new: of it only what the overlay says is checked, of everything else the bytes.
 */
export function rebuilds(split: FreshSplit, body: Buffer): boolean {
  const { known, spans } = split;
  const messages = split.notes.messages.slice(0, known.messages);
  const first = messages.reduce((sum, { items }) => sum + items, 0);
  const items = (part: 'system' | 'tools'): number =>
    known[part] ? split.notes[part].items : split[part].length;
  const notes = decodeOverlay(split.overlay, {
    items: { messages: first + split.messages.length, system: items('system'), tools: items('tools') },
    plain: () => [...knownPlain(messages), ...plainItems(split.messages, first)],
  });
  if (!saysTheSame(notes, split)) return false;
  const out: Buffer[] = [];
  fill(split.template, out, (part) => {
    const { start, end } = spans[part]!;
    if (part !== 'messages') {
      if (known[part]) out.push(body.subarray(start, end));
      else joinValues(part, split[part], notes, out);
      return;
    }
    const last = messages.at(-1);
    if (last !== undefined) out.push(body.subarray(start, start + last.end));
    joinMessages(split.messages, first, notes, out);
  });
  return isBody(out, body);
}

function isBody(pieces: Buffer[], body: Buffer): boolean {
  let at = 0;
  for (const piece of pieces) {
    if (
      piece.length > body.length - at ||
      body.compare(piece, 0, piece.length, at, at + piece.length) !== 0
    ) {
      return false;
    }
    at += piece.length;
  }
  return at === body.length;
}

/** Where strings stand for blocks among messages that are not taken apart again. */
function knownPlain(messages: MessageNotes[]): { item: number; shell: string }[] {
  let item = 0;
  return messages.flatMap(({ plain, items }) => {
    item += items;
    return plain === null ? [] : [{ item: item - 1, shell: plain }];
  });
}

/** What the overlay says is what was noted, the known messages included. */
function saysTheSame(said: OverlayNotes, { notes }: FreshSplit): boolean {
  if (JSON.stringify(said.spacing) !== JSON.stringify(spacingOf(notes))) return false;
  if (said.systemString !== notes.system.isString) return false;
  const isMarked = (part: Part, first: number, { marks }: Pick<MessageNotes, 'marks'>): boolean =>
    marks.every(({ item, position, bytes }) => {
      const mark = said.marks[part].get(first + item);
      return mark?.position === position && mark.bytes.equals(bytes);
    });
  let item = 0;
  let marks = 0;
  for (const message of notes.messages) {
    if (!isMarked('messages', item, message) || said.strings.has(item) !== message.isString) return false;
    marks += message.marks.length;
    item += message.items;
  }
  return (
    said.marks.messages.size === marks &&
    (['system', 'tools'] as const).every(
      (part) => isMarked(part, 0, notes[part]) && said.marks[part].size === notes[part].marks.length,
    )
  );
}

/** Puts the template's pieces out, and calls for what belongs between them. */
function fill(template: Buffer, out: Buffer[], onHole: (part: Part) => void): void {
  let from = 0;
  for (let at = 0; at < template.length; at++) {
    const hole = template[at]!;
    if (hole === 0 || hole > HOLES.tools) continue;
    out.push(template.subarray(from, at));
    onHole(hole === HOLES.messages ? 'messages' : hole === HOLES.system ? 'system' : 'tools');
    from = at + 1;
  }
  out.push(template.subarray(from));
}

function joinValues(part: 'system' | 'tools', items: ChainItem[], notes: OverlayNotes, out: Buffer[]): void {
  if (part === 'system' && notes.systemString) {
    out.push(plainText(items[0]!.block));
    return;
  }
  const list = openList(notes.spacing[part], out);
  for (const [index, { block }] of items.entries()) {
    list.next();
    out.push(marked(block, notes.marks[part].get(index)));
  }
  list.close();
}

/** The messages from item number `first` on; with a `first` above 0 the list has been begun. */
function joinMessages(items: ChainItem[], first: number, notes: OverlayNotes, out: Buffer[]): void {
  const list = openList(notes.spacing.messages, out, first > 0);
  for (let from = 0; from < items.length;) {
    let next = from + 1;
    while (next < items.length && items[next]!.shell === null) next++;
    list.next();
    joinMessage(items, from, next, first, notes, out);
    from = next;
  }
  list.close();
}

function joinMessage(
  items: ChainItem[],
  from: number,
  next: number,
  first: number,
  notes: OverlayNotes,
  out: Buffer[],
): void {
  const shell = items[from]!.shell ?? Buffer.alloc(0);
  const hole = shell.indexOf(CONTENT_HOLE);
  if (hole < 0) {
    out.push(shell);
    return;
  }
  out.push(shell.subarray(0, hole));
  if (notes.strings.has(first + from)) out.push(plainText(items[from]!.block));
  else {
    const list = openList(notes.spacing.content, out);
    for (let item = from; item < next; item++) {
      const block = marked(items[item]!.block, notes.marks.messages.get(first + item));
      if (block.length === 0) continue;
      list.next();
      out.push(block);
    }
    list.close();
  }
  out.push(shell.subarray(hole + 1));
}

const marked = (block: Buffer, mark: { position: number; bytes: Buffer } | undefined): Buffer =>
  mark === undefined ? block : unmark(block, mark);

/** The string inside `{"type":"text","text":…}`. */
const plainText = (block: Buffer): Buffer => block.subarray(TEXT_HEAD.length, block.length - 1);

/** Writes a list's brackets and separators; an empty one has nothing between its brackets. */
function openList(
  [open, separator, close]: [string, string, string],
  out: Buffer[],
  begun = false,
): { next(): void; close(): void } {
  const between = Buffer.from(separator, 'latin1');
  let empty = !begun;
  return {
    next() {
      out.push(empty ? Buffer.from(`[${open}`, 'latin1') : between);
      empty = false;
    },
    close() {
      out.push(Buffer.from(empty ? '[]' : `${close}]`, 'latin1'));
    },
  };
}
