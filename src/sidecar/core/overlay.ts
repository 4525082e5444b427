import { scanObject, skipString, skipValue, type Spacing } from './scan.ts';
import type { ChainItem } from './split.ts';

/** A cut-out `cache_control` member: which item, before which member of it, and the bytes (a comma included). */
export interface Mark {
  item: number;
  position: number;
  bytes: Buffer;
}

export type Part = 'messages' | 'system' | 'tools';

/** What a split notes of one message besides its content. */
export interface MessageNotes {
  /** Where it stands, counted from where the value of `messages` starts. */
  start: number;
  end: number;
  /** Items it has in the chain, at least one. */
  items: number;
  /** Counted from its first item. */
  marks: Mark[];
  /** The shell of a message of one plain text block, else null: such a block may stand for a string. */
  plain: string | null;
  /** Its content was a plain string. */
  isString: boolean;
}

/** The same of `system` and `tools`. */
export interface ValueNotes {
  items: number;
  marks: Mark[];
  isString: boolean;
  spacing: Spacing;
}

export interface SplitNotes {
  messages: MessageNotes[];
  spacing: { messages: Spacing; content: Spacing };
  system: ValueNotes;
  tools: ValueNotes;
}

/** As JSON, short keys. Items are counted from the end, so that the overlay of a growing history stays the same. */
interface Overlay {
  /** Marks of messages, system, tools: [item from the end, member position, bytes as latin1]. */
  m?: [number, number, string][];
  s?: [number, number, string][];
  t?: [number, number, string][];
  /** Strings among messages of one text block, per shell: [group, run lengths from the end, an array run first]. */
  f?: [number, ...number[]][];
  /** `system` was a string. */
  S?: 1;
  /** Spacing that is not compact, by part. */
  w?: Partial<Record<Part | 'content', [string, string, string]>>;
}

/** What joining needs: marks by item, and which items were strings. */
export interface OverlayNotes {
  marks: Record<Part, Map<number, { position: number; bytes: Buffer }>>;
  strings: Set<number>;
  systemString: boolean;
  spacing: Record<Part | 'content', [string, string, string]>;
}

/** A message of one plain text block: its item and its shell. */
interface PlainItem {
  item: number;
  shell: string;
}

/** The items an overlay belongs to: how many, and the messages of one plain text block, asked for with strings only. */
interface Shape {
  items: Record<Part, number>;
  plain: () => PlainItem[];
}

/** The bytes that mark a hole in a template, and in a shell the hole for the content. None can occur in JSON. */
export const HOLES = { messages: 1, system: 2, tools: 3 } as const;
export const CONTENT_HOLE = 0;

export const TEXT_HEAD = Buffer.from('{"type":"text","text":');
const COMPACT: [string, string, string] = ['', ',', ''];
const SHORT = { messages: 'm', system: 's', tools: 't' } as const;
const PARTS = ['messages', 'system', 'tools'] as const;

/** The overlay's bytes, or null when there is nothing to note. */
export function encodeOverlay(notes: SplitNotes): Buffer | null {
  const overlay: Overlay = {};
  for (const part of PARTS) {
    const marks = encodeMarks(part === 'messages' ? notes.messages : [notes[part]]);
    if (marks.length > 0) overlay[SHORT[part]] = marks;
  }
  const flips = encodeStrings(notes.messages);
  if (flips.length > 0) overlay.f = flips;
  if (notes.system.isString) overlay.S = 1;
  for (const [part, spacing] of Object.entries(spacingOf(notes))) {
    if (spacing.join('') !== ',') overlay.w = { ...overlay.w, [part]: spacing };
  }
  const json = JSON.stringify(overlay);
  return json === '{}' ? null : Buffer.from(json);
}

function encodeMarks(lists: { items: number; marks: Mark[] }[]): [number, number, string][] {
  let last = lists.reduce((sum, { items }) => sum + items, 0) - 1;
  const out: [number, number, string][] = [];
  for (const { items, marks } of lists) {
    for (const { item, position, bytes } of marks) {
      out.push([last - item, position, bytes.toString('latin1')]);
    }
    last -= items;
  }
  return out;
}

/** How each part's arrays are spaced; what was not seen counts as compact. */
export function spacingOf(notes: SplitNotes): Record<Part | 'content', [string, string, string]> {
  const triple = ({ open, separator, close }: Spacing): [string, string, string] => [
    open ?? '',
    separator ?? ',',
    close ?? '',
  ];
  return {
    messages: triple(notes.spacing.messages),
    system: triple(notes.system.spacing),
    tools: triple(notes.tools.spacing),
    content: triple(notes.spacing.content),
  };
}

/** Reads an overlay back for items of this shape. */
export function decodeOverlay(overlay: Buffer | null, shape: Shape): OverlayNotes {
  const read = overlay === null ? {} : (JSON.parse(overlay.toString('utf8')) as Overlay);
  const marks = (part: Part): Map<number, { position: number; bytes: Buffer }> =>
    new Map(
      (read[SHORT[part]] ?? []).map(([fromEnd, position, bytes]) => [
        shape.items[part] - 1 - fromEnd,
        { position, bytes: Buffer.from(bytes, 'latin1') },
      ]),
    );
  const spacing = (part: Part | 'content'): [string, string, string] => read.w?.[part] ?? COMPACT;
  return {
    marks: { messages: marks('messages'), system: marks('system'), tools: marks('tools') },
    strings: decodeStrings(shape.plain, read.f ?? []),
    systemString: read.S === 1,
    spacing: {
      messages: spacing('messages'),
      system: spacing('system'),
      tools: spacing('tools'),
      content: spacing('content'),
    },
  };
}

/** Puts a mark back into its block. */
export function unmark(block: Buffer, mark: { position: number; bytes: Buffer }): Buffer {
  let at = 1;
  let member = 0;
  if (mark.position > 0) {
    scanObject(block, 0, (_keyStart, _keyEnd, value) => {
      const end = skipValue(block, value);
      member++;
      if (member === mark.position) at = end;
      return end;
    });
  }
  return Buffer.concat([block.subarray(0, at), mark.bytes, block.subarray(at)]);
}

/** True for exactly `{"type":"text","text":"…"}`, the form a plain string is stored in. */
export function isPlainText(block: Buffer): boolean {
  const head = TEXT_HEAD.length;
  if (block.length < head + 3 || block.compare(TEXT_HEAD, 0, head, 0, head) !== 0) return false;
  return block[head] === 0x22 && skipString(block, head) === block.length - 1;
}

/** The messages of one plain text block among the items of a chain; the first is number `first`. */
export function plainItems(messages: ChainItem[], first = 0): PlainItem[] {
  const out: PlainItem[] = [];
  for (let item = 0; item < messages.length; item++) {
    const { shell, block } = messages[item]!;
    const alone = shell !== null && (item + 1 === messages.length || messages[item + 1]!.shell !== null);
    if (!alone || !shell.includes(CONTENT_HOLE) || !isPlainText(block)) continue;
    out.push({ item: first + item, shell: shell.toString('latin1') });
  }
  return out;
}

/** Newest first, by their shell; groups are numbered in the order in which they first appear. */
function grouped<T extends { shell: string }>(plain: T[]): T[][] {
  const groups = new Map<string, T[]>();
  for (const one of plain) {
    const group = groups.get(one.shell);
    if (group === undefined) groups.set(one.shell, [one]);
    else group.push(one);
  }
  return Array.from(groups.values(), (group) => group.reverse());
}

function encodeStrings(messages: MessageNotes[]): [number, ...number[]][] {
  if (!messages.some(({ isString }) => isString)) return [];
  const plain = messages.flatMap(({ plain: shell, isString }) =>
    shell === null ? [] : [{ shell, isString }],
  );
  const out: [number, ...number[]][] = [];
  for (const [group, items] of grouped(plain).entries()) {
    const runs: number[] = [];
    let string = false;
    let length = 0;
    for (const { isString } of items) {
      if (isString === string) length++;
      else {
        runs.push(length);
        string = !string;
        length = 1;
      }
    }
    if (runs.length > 0) out.push([group, ...runs]);
  }
  return out;
}

function decodeStrings(plain: Shape['plain'], flips: [number, ...number[]][]): Set<number> {
  const strings = new Set<number>();
  if (flips.length === 0) return strings;
  const groups = grouped(plain());
  for (const [group, ...runs] of flips) {
    let run = 0;
    let left = runs[0] ?? Infinity;
    for (const { item } of groups[group] ?? []) {
      while (left === 0) {
        run++;
        left = runs[run] ?? Infinity;
      }
      left--;
      if (run % 2 === 1) strings.add(item);
    }
  }
  return strings;
}
