import { CONTENT_HOLE, decodeOverlay, HOLES, TEXT_HEAD, unmark, type OverlayNotes } from './overlay.ts';
import type { ChainItem, Split } from './split.ts';

/** The body that `splitBody` took apart, byte for byte. */
export function joinBody(split: Split): Buffer {
  const notes = decodeOverlay(split.overlay, split);
  const out: Buffer[] = [];
  let from = 0;
  for (let at = 0; at < split.template.length; at++) {
    const hole = split.template[at]!;
    if (hole === 0 || hole > HOLES.tools) continue;
    out.push(split.template.subarray(from, at));
    if (hole === HOLES.messages) joinMessages(split.messages, notes, out);
    else joinValues(hole === HOLES.system ? 'system' : 'tools', split, notes, out);
    from = at + 1;
  }
  out.push(split.template.subarray(from));
  return Buffer.concat(out);
}

function joinValues(part: 'system' | 'tools', split: Split, notes: OverlayNotes, out: Buffer[]): void {
  const items = split[part];
  if (part === 'system' && notes.systemString) {
    out.push(plainText(items[0]!.block));
    return;
  }
  const blocks = items.map((item, index) => marked(item.block, notes.marks[part].get(index)));
  joinArray(blocks, notes.spacing[part], out);
}

function joinMessages(items: ChainItem[], notes: OverlayNotes, out: Buffer[]): void {
  const messages: Buffer[] = [];
  for (let first = 0; first < items.length;) {
    let next = first + 1;
    while (next < items.length && items[next]!.shell === null) next++;
    messages.push(joinMessage(items, first, next, notes));
    first = next;
  }
  joinArray(messages, notes.spacing.messages, out);
}

function joinMessage(items: ChainItem[], first: number, next: number, notes: OverlayNotes): Buffer {
  const shell = items[first]!.shell ?? Buffer.alloc(0);
  const hole = shell.indexOf(CONTENT_HOLE);
  if (hole < 0) return shell;
  const out = [shell.subarray(0, hole)];
  if (notes.strings.has(first)) out.push(plainText(items[first]!.block));
  else {
    const blocks: Buffer[] = [];
    for (let item = first; item < next; item++) {
      const block = marked(items[item]!.block, notes.marks.messages.get(item));
      if (block.length > 0) blocks.push(block);
    }
    joinArray(blocks, notes.spacing.content, out);
  }
  out.push(shell.subarray(hole + 1));
  return Buffer.concat(out);
}

const marked = (block: Buffer, mark: { position: number; bytes: Buffer } | undefined): Buffer =>
  mark === undefined ? block : unmark(block, mark);

/** The string inside `{"type":"text","text":…}`. */
const plainText = (block: Buffer): Buffer => block.subarray(TEXT_HEAD.length, block.length - 1);

function joinArray(items: Buffer[], spacing: [string, string, string], out: Buffer[]): void {
  if (items.length === 0) {
    out.push(Buffer.from('[]'));
    return;
  }
  const separator = Buffer.from(spacing[1], 'latin1');
  out.push(Buffer.from(`[${spacing[0]}`, 'latin1'));
  for (let index = 0; index < items.length; index++) {
    if (index > 0) out.push(separator);
    out.push(items[index]!);
  }
  out.push(Buffer.from(`${spacing[2]}]`, 'latin1'));
}
