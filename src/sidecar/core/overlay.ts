import { scanObject, skipString, skipValue, type Spacing } from './scan.ts';
import type { ChainItem } from './split.ts';

/** A cut-out `cache_control` member: which item, before which member of it, and the bytes (a comma included). */
export interface Mark {
  item: number;
  position: number;
  bytes: Buffer;
}

type Part = 'messages' | 'system' | 'tools';

/** What a split notes besides the content. `strings`: the items of messages whose content was a plain string. */
export interface SplitNotes {
  messages: ChainItem[];
  system: ChainItem[];
  tools: ChainItem[];
  marks: Record<Part, Mark[]>;
  strings: number[];
  systemString: boolean;
  spacing: Record<Part | 'content', Spacing>;
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
    if (notes.marks[part].length === 0) continue;
    overlay[SHORT[part]] = notes.marks[part].map((mark) => [
      notes[part].length - 1 - mark.item,
      mark.position,
      mark.bytes.toString('latin1'),
    ]);
  }
  const flips = encodeStrings(notes.messages, new Set(notes.strings));
  if (flips.length > 0) overlay.f = flips;
  if (notes.systemString) overlay.S = 1;
  for (const part of [...PARTS, 'content'] as const) {
    const { open, separator, close } = notes.spacing[part];
    const spacing: [string, string, string] = [open ?? '', separator ?? ',', close ?? ''];
    if (spacing.join('') !== ',') overlay.w = { ...overlay.w, [part]: spacing };
  }
  const json = JSON.stringify(overlay);
  return json === '{}' ? null : Buffer.from(json);
}

/** Reads an overlay back for the items it belongs to. */
export function decodeOverlay(overlay: Buffer | null, items: Record<Part, ChainItem[]>): OverlayNotes {
  const read = overlay === null ? {} : (JSON.parse(overlay.toString('utf8')) as Overlay);
  const marks = (part: Part): Map<number, { position: number; bytes: Buffer }> =>
    new Map(
      (read[SHORT[part]] ?? []).map(([fromEnd, position, bytes]) => [
        items[part].length - 1 - fromEnd,
        { position, bytes: Buffer.from(bytes, 'latin1') },
      ]),
    );
  const spacing = (part: Part | 'content'): [string, string, string] => read.w?.[part] ?? COMPACT;
  return {
    marks: { messages: marks('messages'), system: marks('system'), tools: marks('tools') },
    strings: decodeStrings(items.messages, read.f ?? []),
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
function isPlainText(block: Buffer): boolean {
  const head = TEXT_HEAD.length;
  if (block.length < head + 3 || block.compare(TEXT_HEAD, 0, head, 0, head) !== 0) return false;
  return block[head] === 0x22 && skipString(block, head) === block.length - 1;
}

/** The messages of one plain text block, newest first, by their shell: group → items. */
function candidates(messages: ChainItem[]): Map<number, number[]> {
  const names = new Map<string, number>();
  const groups = new Map<number, number[]>();
  for (let item = 0; item < messages.length; item++) {
    const { shell, block } = messages[item]!;
    const alone = shell !== null && (item + 1 === messages.length || messages[item + 1]!.shell !== null);
    if (!alone || !shell.includes(0) || !isPlainText(block)) continue;
    const name = shell.toString('latin1');
    const group = names.get(name) ?? names.size;
    names.set(name, group);
    const list = groups.get(group);
    if (list === undefined) groups.set(group, [item]);
    else list.push(item);
  }
  for (const list of groups.values()) list.reverse();
  return groups;
}

function encodeStrings(messages: ChainItem[], strings: Set<number>): [number, ...number[]][] {
  if (strings.size === 0) return [];
  const out: [number, ...number[]][] = [];
  for (const [group, items] of candidates(messages)) {
    const runs: number[] = [];
    let string = false;
    let length = 0;
    for (const item of items) {
      if (strings.has(item) === string) length++;
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

function decodeStrings(messages: ChainItem[], flips: [number, ...number[]][]): Set<number> {
  const strings = new Set<number>();
  if (flips.length === 0) return strings;
  const groups = candidates(messages);
  for (const [group, ...runs] of flips) {
    let run = 0;
    let left = runs[0] ?? Infinity;
    for (const item of groups.get(group) ?? []) {
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
